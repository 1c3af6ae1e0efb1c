import type { AssumeRoleConfig } from '../../core/config.ts';
import type { Base, Source } from '../../core/contracts.ts';
import { askSts, FORM, warnOfIgnored, type StsDeps } from '../sts/ask.ts';
import { assumeRoleForm } from '../sts/request.ts';
import { sign } from './sign.ts';

export interface AssumeRoleDeps extends StsDeps {
  readonly base: Base;
}

/** A session of another role, asked for with the credentials of the base. A fetch takes half a minute beside the base's. */
export function createAssumeRoleSource(config: AssumeRoleConfig, deps: AssumeRoleDeps): Source {
  warnOfIgnored(deps);
  return {
    isIssuer: true,
    async fetch(signal) {
      let base = await deps.base.fetch(signal);
      if (!base.ok) return base;
      let { credentials, origin } = base;
      const { instanceId, region } = origin;
      return await askSts(
        {
          ...{ action: 'AssumeRole', instanceId, region, clockSkew: base.clockSkew, user: origin.user },
          async request(place, now) {
            const body = assumeRoleForm(config, origin);
            const headers = await sign(
              { origin: place.origin, body, headers: FORM },
              { credentials, region: place.region, now },
            );
            return { headers, body, secrets: [credentials.secretAccessKey, credentials.sessionToken] };
          },
          async renew() {
            // It is asked for others as well: the end of our time must not be the end of their question.
            base = await deps.base.fetch(signal, true);
            if (base.ok) ({ credentials, origin } = base);
            return base.ok;
          },
        },
        config,
        deps,
        signal,
      );
    },
  };
}
