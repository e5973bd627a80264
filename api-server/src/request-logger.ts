import type {FastifyBaseLogger} from 'fastify';

type Bindings = Parameters<FastifyBaseLogger['child']>[0];
type Options = Parameters<FastifyBaseLogger['child']>[1];

/** A logger by what it takes to make it: it is made when it first has something to say. */
class LateLogger implements FastifyBaseLogger {
  readonly #make: () => FastifyBaseLogger;
  #made: FastifyBaseLogger | undefined;

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make;
  }

  get level(): string {
    return this.#logger.level;
  }
  set level(level: string) {
    this.#logger.level = level;
  }
  get fatal(): FastifyBaseLogger['fatal'] {
    return this.#logger.fatal.bind(this.#logger);
  }
  get error(): FastifyBaseLogger['error'] {
    return this.#logger.error.bind(this.#logger);
  }
  get warn(): FastifyBaseLogger['warn'] {
    return this.#logger.warn.bind(this.#logger);
  }
  get info(): FastifyBaseLogger['info'] {
    return this.#logger.info.bind(this.#logger);
  }
  get debug(): FastifyBaseLogger['debug'] {
    return this.#logger.debug.bind(this.#logger);
  }
  get trace(): FastifyBaseLogger['trace'] {
    return this.#logger.trace.bind(this.#logger);
  }
  get silent(): FastifyBaseLogger['silent'] {
    return this.#logger.silent.bind(this.#logger);
  }

  child(bindings: Bindings, options?: Options): FastifyBaseLogger {
    return new LateLogger(() => this.#logger.child(bindings, options));
  }

  get #logger(): FastifyBaseLogger {
    return (this.#made ??= this.#make());
  }
}

/**
 * The same logger, but its children are made when they first have something to say: Fastify asks for one for each request,
 * and hardly a request says anything.
 */
export function withLateChildren(logger: FastifyBaseLogger): FastifyBaseLogger {
  return new LateLogger(() => logger);
}
