import type { Params } from "./params.ts";
import type { Xml } from "./xml.ts";

/** The caller, by the credentials and the credential scope of the request. */
export interface Caller {
  readonly account: string;
  readonly region: string;
  /** The ARN of the user, or of the assumed role's session. */
  readonly arn: string;
  readonly userId: string;
  readonly accessKeyId: string;
  /** False for a request without an Authorization header: a visit of a SubscribeURL or an UnsubscribeURL. */
  readonly signed: boolean;
  /** The role of an assumed session; undefined for a user. */
  readonly role?: { readonly name: string; readonly id: string; readonly session: string };
  readonly userAgent: string;
  readonly sourceIp: string;
}

/** The fields of an XML response. */
export interface XmlFields {
  readonly [field: string]: Xml;
}

/** A service of the AWS query protocol: form in, XML out. EC2 has its own dialect of both. */
export interface QueryService {
  readonly protocol: "ec2" | "query";
  /** The XML namespace of its responses. */
  readonly namespace: string;
  readonly actions: Readonly<Record<string, (params: Params, caller: Caller) => XmlFields | Promise<XmlFields>>>;
}

/** A service of the AWS JSON protocol. */
export interface JsonService {
  readonly protocol: "json";
  /** `1.0` or `1.1`: the content type of its responses. */
  readonly version: string;
  readonly actions: Readonly<Record<string, (params: Params, caller: Caller) => object | Promise<object>>>;
}

export type Service = QueryService | JsonService;
