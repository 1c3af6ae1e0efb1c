import type { Field } from './fields.ts';
import type { Delimiters, Filter } from './template.ts';

/** The validated configuration. Durations are milliseconds. Read by every stage, made only by config/. */
export interface Config {
  /** The main file, there or not; absent when options of the command line made it. */
  readonly path?: string;
  readonly digest?: string;
  /** The templates that were read with it; absent where there are none. */
  readonly templates?: readonly string[];
  /** The files that it was read from, in order; empty when it came from flags. */
  readonly files: readonly string[];
  readonly imds: ImdsConfig;
  readonly refresh: RefreshConfig;
  /** How long `run` delays the boot for the first credentials. */
  readonly startupWait: number;
  readonly log: LogConfig;
  readonly metrics: MetricsConfig;
  /** Names or numeric ids of groups that may write in the directories of sinks as their owners may. */
  readonly trustedGroups: readonly (string | number)[];
  /** Mount points that are this pod's alone, although others can write in them. */
  readonly privateVolumes: readonly string[];
  readonly lockdown: LockdownConfig;
  /** The sources beside `instance`, which needs no entry: {@link imds} has its settings. */
  readonly sources: readonly SourceConfig[];
  readonly sinks: readonly SinkConfig[];
  readonly consumers: readonly ConsumerConfig[];
}

export interface ImdsConfig {
  /** Base URL without a trailing slash; unset: the environment, then the mode's known address. */
  readonly endpoint?: string;
  readonly endpointMode?: EndpointMode;
  /** Skips role discovery. */
  readonly role?: string;
  /** Accept an endpoint that is neither loopback nor one of the two known ones. */
  readonly allowAnyEndpoint: boolean;
  readonly v1: 'allow' | 'deny';
  /** For one request; unset: the environment, then the source's default. */
  readonly timeout?: number;
  /** For one request, the first included; unset: as above. */
  readonly attempts?: number;
  /** Credentials of any other account are refused. */
  readonly expectAccount?: string;
}

/** The source that is always there: the role of this EC2 instance. */
export const INSTANCE = 'instance';

interface SourceCommon {
  readonly name: string;
  /** Credentials of any other account are refused. */
  readonly expectAccount?: string;
}

/** Sources that a user of this machine may control. */
interface ForeignSource extends SourceCommon {
  /** A name or a numeric id: what this user gives may go into sinks of others too. */
  readonly trustedUser?: string | number;
}

/** Another role, assumed with the credentials of another source. */
export interface AssumeRoleConfig extends SourceCommon {
  readonly type: 'assume_role';
  readonly roleArn: string;
  /** The name of the source whose credentials sign the request. */
  readonly from: string;
  /** Unset: `credrotate-<instance id or host name>`. */
  readonly sessionName?: string;
  readonly externalId?: string;
  /** Unset: as STS has it, an hour. */
  readonly duration?: number;
  /** Unset: that of the base. */
  readonly region?: string;
  /** Scheme, host and port: TLS, or loopback. Unset: that of the region. */
  readonly endpoint?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTags: readonly string[];
  readonly policy?: string;
  readonly policyArns: readonly string[];
  readonly sourceIdentity?: string;
  /** Certificates in PEM that replace the usual roots. */
  readonly caFile?: string;
}

/** A program that prints credentials, as `credential_process` of the AWS SDKs does. */
export interface ProcessConfig extends ForeignSource {
  readonly type: 'process';
  /** Program (absolute) and arguments; no shell. */
  readonly command: readonly string[];
  /** User name or numeric id; unset: as the agent, which is not root. */
  readonly user?: string | number;
  readonly environment: Readonly<Record<string, EnvironmentValue>>;
  readonly timeout: number;
}

/** A text, or the path of a file that nobody but its owner can read. */
export type EnvironmentValue = string | { readonly file: string };

/** A file that another program keeps. */
export interface FileConfig extends ForeignSource {
  readonly type: 'file';
  readonly path: string;
  readonly format: 'aws-credentials' | 'json' | 'dotenv';
  /** For `aws-credentials`. */
  readonly profile: string;
}

/** The settings with which STS is asked for a session. */
export type StsConfig = Pick<AssumeRoleConfig, 'roleArn' | 'region' | 'endpoint' | 'caFile'>;

/** A role, assumed with a token that somebody renews in a file. Without role and file, both are the environment's. */
export interface WebIdentityConfig extends SourceCommon, Omit<StsConfig, 'roleArn'> {
  readonly type: 'web_identity';
  readonly roleArn?: string;
  readonly tokenFile?: string;
  readonly sessionName?: string;
  readonly duration?: number;
  readonly policy?: string;
  readonly policyArns: readonly string[];
}

/**
 * The endpoint that gives a container its credentials, as ECS and EKS Pod Identity have one. Without `endpoint` it is the
 * environment's, with its token.
 */
export interface ContainerConfig extends ForeignSource {
  readonly type: 'container';
  /** A whole URL: TLS, loopback, or one of the addresses of ECS and EKS. */
  readonly endpoint?: string;
  readonly tokenFile?: string;
  /** A name or a numeric id: who may listen, beside root, if the endpoint is of this host. */
  readonly user?: string | number;
  readonly caFile?: string;
}

export type SourceConfig = AssumeRoleConfig | WebIdentityConfig | ContainerConfig | ProcessConfig | FileConfig;

export type EndpointMode = 'ipv4' | 'ipv6';

export interface RefreshConfig {
  readonly maxInterval: number;
  /** Overrides the advisory window. */
  readonly beforeExpiry?: number;
  /** A cron pattern for additional passes. */
  readonly schedule?: { readonly pattern: string; readonly timezone?: string };
}

/** Users that reach the metadata service beside root, once `lockdown apply` has loaded its rules. */
export interface LockdownConfig {
  /** Of container roles, where a source asks for one: they are as closed as the metadata service. Unset: none. */
  readonly addresses?: readonly string[];
  /** Names or numeric ids. */
  readonly allowUsers: readonly (string | number)[];
  /** Traffic that is forwarded for containers and other network namespaces. */
  readonly containers: 'allow' | 'deny';
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export interface MetricsConfig {
  /** A file for the textfile collector of Prometheus' node_exporter, which reads `*.prom`; unset: none. */
  readonly textfile?: string;
}

/** The most important first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** `auto`: journald priorities under systemd, text elsewhere. */
export type LogFormat = 'auto' | 'text' | 'json' | 'journald';

interface SinkCommon {
  /** Absolute and normalized. */
  readonly path: string;
  /** The name of the source whose credentials it holds. */
  readonly source: string;
  /** A name or a numeric id; unset: the user that the agent acts as. */
  readonly owner?: string | number;
  /** A name or a numeric id; unset: the owner's primary group. */
  readonly group?: string | number;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** The mode is the default. */
  readonly isUsualMode?: true;
  /** Any mode that the file system gives is accepted, if it keeps others out. */
  readonly isModeAny?: true;
  readonly notify: readonly string[];
}

export interface AwsCredentialsSink extends SinkCommon {
  readonly format: 'aws-credentials';
  readonly profile: string;
  /** `auto`: kept equal where it is there or would be inherited from [DEFAULT]; `always`: written; `never`: removed. */
  readonly securityToken: 'auto' | 'always' | 'never';
  readonly accountId: boolean;
  /** Write the expiration under this key (`x_security_token_expires`, for example). */
  readonly expirationKey?: string;
  /** Begin a new file with a comment that names credrotate. */
  readonly comment: boolean;
}

export interface DotenvSink extends SinkCommon {
  readonly format: 'dotenv';
  /** Put before each of the default names. */
  readonly prefix: string;
  readonly names: DotenvNames;
  /** Variables beside them, in the order in which new ones are written. */
  readonly others?: readonly FieldKey[];
  readonly export: boolean;
  /** The whole file is ours: nothing else stays in it. */
  readonly only: boolean;
  /** Begin a new file with a comment that names credrotate. */
  readonly comment: boolean;
}

/** Variable name of each field, `null` to leave it out. The prefix applies to the defaults alone. */
export interface DotenvNames {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: string | null;
}

export type JsonShape = 'imds' | 'process' | 'container' | 'superset';

export interface JsonSink extends SinkCommon {
  readonly format: 'json';
  readonly content: { readonly shape: JsonShape } | { readonly keys: JsonKeys };
}

/** Field to place in an existing JSON document: keys from the root, such as ['aws', 'accessKeyId']. */
export type JsonKeys = Readonly<Partial<Record<Field, readonly string[]>>>;

export interface ValueSink extends SinkCommon {
  readonly format: 'value';
  readonly field: Field;
  readonly newline: boolean;
}

/** The key of a field in a file of another program. */
export interface FieldKey {
  readonly field: Field;
  readonly key: string;
}

/** Values in one section of a file that is somebody else's. */
export interface IniSink extends SinkCommon {
  readonly format: 'ini';
  /** Null: the part before the first header. */
  readonly section: string | null;
  /** In the order in which new ones are written. */
  readonly keys: readonly FieldKey[];
  readonly quote: 'none' | 'double';
  /** The program of the file; its settings are in the others. */
  readonly preset?: Preset;
}

export type Preset = 's3cmd' | 'rclone' | 'boto' | 'pgbackrest' | 'gdal';

export interface PropertiesSink extends SinkCommon {
  readonly format: 'properties';
  readonly keys: readonly FieldKey[];
}

/** A whole file: the template with values in place of its placeholders. */
export interface TemplateSink extends SinkCommon {
  readonly format: 'template';
  readonly template: string;
  /** For placeholders without a filter. */
  readonly escape?: Filter;
  readonly delimiters: Delimiters;
}

export type SinkConfig =
  AwsCredentialsSink | DotenvSink | JsonSink | ValueSink | IniSink | PropertiesSink | TemplateSink;

interface ConsumerCommon {
  readonly name: string;
  /**
   * `changed`: with every rotation; `expiring`: before its credentials expire; `auto`: the first for a unit that
   * reloads, the second for a unit that would be restarted.
   */
  readonly when: 'changed' | 'expiring' | 'auto';
  /** For `expiring` and `auto`: notify when less than this is left of the consumer's credentials; unset: a third. */
  readonly before?: number;
  /** Consumers of the same sinks that are notified first. */
  readonly after?: readonly string[];
}

export interface SystemdConsumer extends ConsumerCommon {
  readonly type: 'systemd';
  readonly unit: string;
  readonly action: 'try-reload-or-restart' | 'reload' | 'restart' | 'kill';
  readonly signal: SignalName;
  /** The administrator vouches that the main process handles what `kill`, or the unit's ExecReload=, sends. */
  readonly handlesSignal: boolean;
  /** User name or numeric id whose service manager has the unit; unset: the system's. */
  readonly user?: string | number;
}

export interface SignalConsumer extends ConsumerCommon {
  readonly type: 'signal';
  readonly signal: SignalName;
  /** At least one of them; both must agree. */
  readonly target: { readonly pidFile?: string; readonly process?: ProcessMatch };
  /** The administrator vouches that the program handles the signal; needed where that cannot be seen. */
  readonly handlesSignal: boolean;
}

export interface ProcessMatch {
  readonly exe: string;
  /** User name or numeric id; unset: any. */
  readonly user?: string | number;
}

export interface ExecConsumer extends ConsumerCommon {
  readonly type: 'exec';
  /** Program (absolute) and arguments; no shell. */
  readonly command: readonly string[];
  /** User name or numeric id; unset: as the agent. */
  readonly user?: string | number;
  readonly timeout: number;
}

export type ConsumerConfig = SystemdConsumer | SignalConsumer | ExecConsumer;

export const SIGNALS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGWINCH', 'SIGCONT'] as const;

export type SignalName = (typeof SIGNALS)[number];
