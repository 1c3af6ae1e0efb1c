/** undici ships its types for the index alone, which costs 60 ms and 20 MB more to load than this module of it. */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export = Client;
}
/** The part of winston that we use. It has types for the index alone, which loads transports for files and HTTP too. */
declare module 'winston/lib/winston/create-logger.js' {
  interface Options {
    readonly level: string;
    readonly levels: Readonly<Record<string, number>>;
    readonly format: { transform(line: object): object };
    readonly transports: readonly object[];
  }
  interface Logger {
    log(line: { readonly level: string; readonly message: string; readonly [rendered: symbol]: string }): unknown;
  }
  function createLogger(options: Options): Logger;
  export = createLogger;
}

declare module 'winston/lib/winston/transports/stream.js' {
  const StreamTransport: new (options: { readonly stream: NodeJS.WritableStream; readonly eol: string }) => object;
  export = StreamTransport;
}
