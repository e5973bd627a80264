import type {FastifyInstance} from 'fastify';
import fp from 'fastify-plugin';
import {Problem} from '../problems.ts';
import type {Scope} from '../tokens/parse.ts';
import type {TokenVerifier} from '../tokens/store.ts';
import {isWrite} from './methods.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the token that the request came with; empty on paths that need none. */
    principal: string;
  }
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const CHALLENGE = 'Bearer realm="maintenance-api"';

/** Lets requests to the routes registered beside it pass only with a known bearer token that allows them (RFC 6750). */
export const bearerAuth = fp(
  (app: FastifyInstance, {tokens}: {tokens: TokenVerifier}, done: () => void) => {
    app.decorateRequest('principal', '');
    app.addHook('onRequest', (request, _reply, next) => {
      const {authorization} = request.headers;
      const presented = BEARER.exec(authorization ?? '')?.[1];
      const caller = presented === undefined ? undefined : tokens.verify(presented);
      if (caller === undefined || caller === 'expired') {
        next(unauthorized(authorization !== undefined, caller === 'expired'));
        return;
      }
      request.principal = caller.name;
      const needed: Scope = isWrite(request.method) ? 'write' : 'read';
      next(caller.scopes.has(needed) ? undefined : insufficient(needed));
    });
    done();
  },
  {name: 'bearer-auth'},
);

/** A client that presented nothing is told no error (RFC 6750, section 3.1). */
function unauthorized(presented: boolean, expired: boolean): Problem {
  const parts = [CHALLENGE];
  if (presented) parts.push('error="invalid_token"');
  if (expired) parts.push('error_description="The token has expired"');
  return new Problem('unauthorized', {headers: {'www-authenticate': parts.join(', ')}});
}

function insufficient(needed: Scope): Problem {
  return new Problem('insufficient-scope', {
    detail: `This needs a token with the scope "${needed}".`,
    headers: {'www-authenticate': `${CHALLENGE}, error="insufficient_scope", scope="${needed}"`},
  });
}
