/** Deliveries that are forged outside the signature, or that SNS signed for another purpose. */
import { stateChange } from "../../support/events.ts";
import { type Fields, signed } from "../../support/sns.ts";
import { type AttackCase, basesOf, bodyCase, type Context, caseOf, certificateUrl, genuine } from "./case.ts";

const NOT_SNS = "SNS keeps no certificates at that URL";

/** Returns URLs that look like that of the certificate of a region. */
function urlsLike(region: string): string[] {
  const url = certificateUrl(region);
  const host = `sns.${region}.amazonaws.com`;
  const file = url.slice(url.lastIndexOf("/") + 1);
  const hosts = [
    `sns.s3-${region}.amazonaws.com`,
    `sns.s3.${region}.amazonaws.com`,
    `s3.amazonaws.com/${host}`,
    "sns.amazonaws.com",
    `${host}.evil.com`,
    `${host}@evil.com`,
    `user:password@${host}`,
    `${host}:443`,
    `${host}:8443`,
    `${host}:`,
    `${host}.`,
    `${host}.cn`,
    `${host}%2eevil.com`,
    `${host}%00.evil.com`,
    `${host}\\@evil.com`,
    `evil${host}`,
    `sqs.${region}.amazonaws.com`,
    `sns-${region}.amazonaws.com`,
    `sns.${region}.amazonaws.com.evil.com`,
    `sns.${region}.amazonaws.co`,
    `sns.${region}.amazonavvs.com`,
    `sns.${region}.\u0430mazonaws.com`,
    `sns.${region}.amazonaws\u3002com`,
    `sns.${region}.amazonaws.\uff43om`,
    `\u017fns.${region}.amazonaws.com`,
    `sns.${region}.xn--mazonaws-6fg.com`,
    host.toUpperCase(),
    `SNS.${region}.amazonaws.com`,
    `sns.${region.toUpperCase()}.amazonaws.com`,
    "127.0.0.1",
    "[::1]",
    "169.254.169.254",
    "localhost",
    "0",
    "evil.com",
    `evil.com/${host}`,
    `evil.com#${host}`,
    `evil.com?${host}`,
    `sns.us-east-1.amazonaws.com`,
    `sns.cn-north-1.amazonaws.com.cn`,
    `sns.us-gov-west-1.amazonaws.com`,
    `sns.${region}.api.aws`,
    `sns-fips.${region}.amazonaws.com`,
    `sns.${region}.amazonaws.eu`,
    `sns.${region}..amazonaws.com`,
    `sns..${region}.amazonaws.com`,
    `sns.${region}x.amazonaws.com`,
    `sns.x${region}.amazonaws.com`,
  ];
  const schemes = [
    "http:",
    "HTTPS:",
    "ftp:",
    "file:",
    "data:",
    "javascript:",
    "https:/",
    "https:\\\\",
    " https:",
    "https :",
    "htt\nps:",
    "ws:",
    "",
  ];
  const files = [
    `${file}?x=1`,
    `${file}?`,
    `${file}#x`,
    `${file}#`,
    `${file}/`,
    `${file}.`,
    `${file}\n`,
    `${file}\r\n`,
    `${file} `,
    `${file}\0`,
    `${file}%00`,
    `${file};x`,
    `../${file}`,
    `./${file}`,
    `x/../${file}`,
    `%2e%2e/${file}`,
    `/${file}`,
    `\\${file}`,
    file.toUpperCase(),
    file.replace("S", "s"),
    file.replace(".pem", ".crt"),
    file.replace(".pem", ""),
    file.replace(".pem", ".PEM"),
    file.replace("0", "%30"),
    file.replace("0", "g"),
    file.replace("0", ""),
    file.replace("0", "00"),
    file.replace("0", "\uff10"),
    file.replace("0", "\u0660"),
    file.replace("-", "\u2010"),
    "",
    "?Action=ConfirmSubscription",
    `?${file}`,
    `${file}${file}`,
    "SimpleNotificationService-.pem",
    "SimpleNotificationService.pem",
    "robots.txt",
  ];
  return [
    ...hosts.map((other) => `https://${other}/${file}`),
    ...schemes.map((scheme) => url.replace("https:", scheme)),
    ...files.map((other) => `https://${host}/${other}`),
    "",
    " ",
    "null",
    host,
    file,
    `${url},${url}`,
    `${url} ${url}`,
    `<${url}>`,
    `"${url}"`,
  ];
}

export function* certificateUrls(context: Context): Iterable<AttackCase> {
  const urls = [...new Set(urlsLike(context.configuration.region))].filter(
    (url) => url !== certificateUrl(context.configuration.region),
  );
  for (const base of basesOf(context)) {
    for (const SigningCertURL of urls) {
      // SNS signed it: only the URL is wrong.
      yield caseOf(`${base.kind}: ${JSON.stringify(SigningCertURL)}`, NOT_SNS, 403, {
        ...genuine(base, context),
        SigningCertURL,
      });
    }
  }
}

export function* versions(context: Context): Iterable<AttackCase> {
  const wrong = [
    "0",
    "3",
    "",
    "01",
    "1 ",
    " 1",
    "1.0",
    "2.0",
    "1\n",
    "+1",
    "one",
    "\u0661",
    "\uff11",
    "1,2",
    "12",
    "SHA1",
    "none",
    "null",
    "__proto__",
    "constructor",
  ];
  for (const base of basesOf(context)) {
    const other = base.version === "1" ? "2" : "1";
    for (const SignatureVersion of [other, ...wrong]) {
      const because = SignatureVersion === other ? "it was signed with the other digest" : "no such version exists";
      yield caseOf(`${base.kind}: under ${JSON.stringify(SignatureVersion)}`, because, 403, {
        ...genuine(base, context),
        SignatureVersion,
      });
    }
  }
}

/** Other envelopes with the same signed text, if a line break in a value is taken for the end of the value. */
export function* canonicalisation(context: Context): Iterable<AttackCase> {
  const because = "the signed text is the same, but the values differ";
  const unwritten = "SNS does not write such a value";
  const [base] = basesOf(context);
  if (base === undefined) return;
  const time = String(base.fields.Timestamp);
  const imitations = [
    "x\nMessageId\ny",
    "x\nMessageId\ny\nSubject\nz",
    "x\nMessageId\ny\nTimestamp\n2021-01-01T00:00:00Z",
    `x\nMessageId\ny\nTimestamp\n${time}\nTopicArn\n${context.configuration.launchTopic}\nType\nNotification`,
    "{}\nMessageId\ny\nMessageId\nz",
    "x\nSubject\ny",
    "\nMessageId\n",
    "x\nMessageId\ny\nSubject\nz\nSubject\nw",
  ];
  for (const version of ["1", "2"]) {
    for (const Message of imitations) {
      for (const Subject of [undefined, "s"]) {
        const fields = { ...base.fields, Message, ...(Subject !== undefined && { Subject }) };
        const envelope = signed(fields, { version, signer: context.keys.sns });
        for (const other of otherCuts(envelope)) {
          yield caseOf(
            `version ${version}: ${JSON.stringify(other.Message)} from ${JSON.stringify(Message)}, ${Subject}`,
            because,
            400,
            other,
          );
        }
      }
    }
  }
  for (const each of basesOf(context)) {
    const names = each.signedNames.filter((name) => !["Message", "Type", "Timestamp", "TopicArn"].includes(name));
    for (const name of names) {
      for (const more of [
        "\n",
        "\nSubject\nx",
        "\nTimestamp\n2021-01-01T00:00:00Z",
        "\nTopicArn\narn",
        "\nType\nNotification",
        "\ud800",
        "\udfff",
      ]) {
        const fields: Fields = { ...each.fields, [name]: `${each.fields[name]}${more}` };
        const envelope = signed(fields, { version: each.version, signer: context.keys.sns });
        yield caseOf(`${each.kind}: ${name} and ${JSON.stringify(more)}, signed`, unwritten, 400, envelope);
      }
    }
    // Written as UTF-8, half a surrogate pair becomes U+FFFD.
    for (const half of ["\ud800", "\udbff", "\udc00", "\udfff"]) {
      const envelope = signed(
        { ...each.fields, Message: '{"a":"\ufffd"}' },
        { version: each.version, signer: context.keys.sns },
      );
      yield caseOf(`${each.kind}: ${JSON.stringify(half)} for U+FFFD`, because, 400, {
        ...envelope,
        Message: `{"a":"${half}"}`,
      });
    }
    if (each.signedNames.includes("Subject")) {
      for (const Subject of [null, ""])
        yield caseOf(`${each.kind}: Subject becomes ${JSON.stringify(Subject)}`, because, 403, {
          ...genuine(each, context),
          Subject,
        });
    }
  }
}

/** Returns the other envelopes with the signed text of this one. */
function* otherCuts(envelope: Fields): Iterable<Fields> {
  const names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
  const text = names
    .filter((name) => name in envelope)
    .map((name) => `${name}\n${envelope[name]}\n`)
    .join("");
  const same = (fields: Fields) => names.every((name) => fields[name] === envelope[name]);
  for (const wanted of [names, names.filter((name) => name !== "Subject")]) {
    const cut = (rest: string, left: readonly string[], fields: Fields): Fields[] => {
      const [name, next] = left;
      if (name === undefined) return rest === "" ? [fields] : [];
      if (!rest.startsWith(`${name}\n`)) return [];
      const from = name.length + 1;
      if (next === undefined) return cut("", [], { ...fields, [name]: rest.slice(from, -1) });
      const found: Fields[] = [];
      for (let at = rest.indexOf(`\n${next}\n`, from - 1); at >= 0; at = rest.indexOf(`\n${next}\n`, at + 1)) {
        if (at >= from)
          found.push(...cut(rest.slice(at + 1), left.slice(1), { ...fields, [name]: rest.slice(from, at) }));
      }
      return found;
    };
    for (const fields of cut(text, wanted, {})) {
      const { SignatureVersion, Signature, SigningCertURL } = envelope;
      if (!same(fields)) yield { ...fields, SignatureVersion, Signature, SigningCertURL };
    }
  }
}

export function* prototypes(context: Context): Iterable<AttackCase> {
  const because = "the envelope is in a key";
  for (const base of basesOf(context)) {
    const envelope = JSON.stringify(genuine(base, context));
    for (const key of [
      "__proto__",
      "constructor",
      "prototype",
      "toString",
      "hasOwnProperty",
      "valueOf",
      "toJSON",
      "then",
    ]) {
      yield bodyCase(`${base.kind}: in ${key}`, because, 400, `{"${key}":${envelope}}`);
      yield bodyCase(
        `${base.kind}: in ${key}, beside a Type`,
        because,
        400,
        `{"Type":"Notification","${key}":${envelope}}`,
      );
      yield bodyCase(
        `${base.kind}: in ${key} of constructor`,
        because,
        400,
        `{"constructor":{"prototype":${envelope}},"${key}":{}}`,
      );
      yield bodyCase(`${base.kind}: in a list, with ${key}`, because, 400, `[${envelope},{"${key}":{}}]`);
    }
  }
}

/** Anyone can send these: SNS signs every message to the sender's own topic, and delivers it to any URL. */
export function* otherTopics(context: Context): Iterable<AttackCase> {
  const { launchTopic, region, settings } = context.configuration;
  const because = "SNS signed it for a topic that is not a launch topic";
  const [, , , , account = "", name = ""] = launchTopic.split(":");
  const otherAccount = launchTopic.replace(account, "999988887777");
  const otherRegion = launchTopic.replace(region, "us-east-1");
  const topics = [
    otherAccount,
    otherRegion,
    `${launchTopic}2`,
    `${launchTopic}.fifo`,
    launchTopic.slice(0, -1),
    launchTopic.replace(name, `x${name}`),
    launchTopic.replace(name, name.toUpperCase()),
    launchTopic.toUpperCase(),
    launchTopic.replace("arn:aws:", "arn:aws-cn:"),
    launchTopic.replace("arn:aws:", "arn:aws-us-gov:"),
    launchTopic.replace(":sns:", ":sqs:"),
    `${launchTopic}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55`,
    ` ${launchTopic}`,
    `${launchTopic} `,
    `${launchTopic},${otherAccount}`,
    `${otherAccount},${launchTopic}`,
    launchTopic.replace(name, ""),
    name,
    "",
    "*",
    launchTopic.replace(account, ""),
    launchTopic.replace(account, `0${account}`),
    launchTopic.replace("a", "\u0430"),
    String(settings.ALERT_TOPIC_ARN),
    "__proto__",
    launchTopic.replace(name, "*"),
    encodeURIComponent(launchTopic),
    launchTopic.replaceAll(":", "%3A"),
    `${launchTopic}\t`,
    `${launchTopic}\0`,
  ];
  for (const base of basesOf(context)) {
    for (const TopicArn of new Set(topics)) {
      for (const from of new Set([region, TopicArn === otherRegion ? "us-east-1" : region])) {
        const fields = { ...base.fields, TopicArn, SigningCertURL: certificateUrl(from) };
        const envelope = signed(fields, { version: base.version, signer: context.keys.sns });
        yield caseOf(`${base.kind}: of ${JSON.stringify(TopicArn)}, certificate of ${from}`, because, 403, envelope);
        yield caseOf(
          `${base.kind}: of ${JSON.stringify(TopicArn)}, with the launch topic in the header`,
          because,
          403,
          envelope,
          { "x-amz-sns-topic-arn": launchTopic },
        );
      }
    }
  }
}

export function* otherTimes(context: Context): Iterable<AttackCase> {
  const minute = 60_000;
  const offsets = [
    -121,
    -122,
    -180,
    -24 * 60,
    -7 * 24 * 60,
    -365 * 24 * 60,
    -20 * 365 * 24 * 60,
    // The clock runs while the cases run.
    60,
    90,
    120,
    24 * 60,
    365 * 24 * 60,
  ];
  const time = new Date(context.now).toISOString();
  const formats = [
    "",
    "now",
    "yesterday",
    String(context.now),
    String(Math.floor(context.now / 1000)),
    new Date(context.now).toUTCString(),
    time.replace("Z", "+00:00"),
    time.replace("Z", ""),
    time.replace("T", " "),
    time.replace("T", "t"),
    time.replace("Z", "z"),
    time.slice(0, 10),
    time.replaceAll("-", ""),
    `+00${time}`,
    `-00${time}`,
    ` ${time}`,
    `${time} `,
    `${time}\r`,
    `${time}\0`,
    "2021-13-01T00:00:00Z",
    "2021-01-32T00:00:00Z",
    "2021-01-01T25:00:00Z",
    "2021-01-01T00:60:00Z",
    "2021-01-01T00:00:61Z",
    "NaN",
    "Infinity",
    "null",
    "[object Object]",
    time.replace(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit))),
    `${time}\n`,
    `${time}\nTopicArn`,
    "9999999999999999Z",
  ];
  for (const base of basesOf(context)) {
    const at = (Timestamp: string) =>
      signed({ ...base.fields, Timestamp }, { version: base.version, signer: context.keys.sns });
    for (const offset of offsets) {
      const [because, status] =
        offset < 0
          ? (["a replay: older than two hours", 403] as const)
          : (["more than 15 minutes in the future, which may be slow", 503] as const);
      yield caseOf(
        `${base.kind}: ${offset} minutes`,
        because,
        status,
        at(new Date(context.now + offset * minute).toISOString()),
      );
    }
    for (const Timestamp of new Set(formats))
      yield caseOf(
        `${base.kind}: at ${JSON.stringify(Timestamp)}`,
        "SNS does not write such a time",
        400,
        at(Timestamp),
      );
  }
}

export function* headers(context: Context): Iterable<AttackCase> {
  const because = "the header and the envelope disagree";
  const { launchTopic } = context.configuration;
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    const others = [
      "Notification",
      "SubscriptionConfirmation",
      "UnsubscribeConfirmation",
      "",
      "notification",
      `${envelope.Type} `,
      `${envelope.Type},${envelope.Type}`,
      "null",
    ];
    for (const type of others.filter((other) => other !== envelope.Type)) {
      yield caseOf(`${base.kind}: type ${JSON.stringify(type)}`, because, 403, envelope, {
        "x-amz-sns-message-type": type,
      });
    }
    for (const topic of [
      "",
      `${launchTopic}2`,
      `${launchTopic},${launchTopic}`,
      launchTopic.toUpperCase(),
      launchTopic.slice(0, -1),
      "null",
      "*",
    ]) {
      yield caseOf(`${base.kind}: topic ${JSON.stringify(topic)}`, because, 403, envelope, {
        "x-amz-sns-topic-arn": topic,
      });
    }
  }
}

export function* rawDeliveries(context: Context): Iterable<AttackCase> {
  const because = "a raw message carries no signature";
  const reason = /raw message delivery .*disable it/;
  const region = context.configuration.region;
  const time = new Date(context.now).toISOString();
  for (const state of ["pending", "running", "stopped"]) {
    const event = stateChange({ region, time, state });
    const raw = bodyCase(`an event, ${state}`, because, 403, JSON.stringify(event));
    yield { ...raw, reason };
    yield {
      ...raw,
      name: `${raw.name}, with the header`,
      headers: { ...raw.headers, "x-amz-sns-rawdelivery": "true" },
      reason,
    };
    for (const more of [
      { Type: null },
      { Type: "Notification" },
      { Type: "" },
      { Message: "{}" },
      { "detail-type": 7 },
    ]) {
      const given: Fields = { ...event, ...more };
      const known = !("Type" in given);
      const body = JSON.stringify(given);
      const odd = bodyCase(`an event, ${state}, with ${JSON.stringify(more)}`, because, known ? 403 : 400, body);
      yield known ? { ...odd, reason } : odd;
    }
  }
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    const raw = caseOf(`${base.kind}: with the header`, because, 403, envelope, { "x-amz-sns-rawdelivery": "true" });
    yield { ...raw, reason };
  }
}
