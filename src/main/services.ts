import packageJson from '../../package.json' with { type: 'json' };
import type { Services } from '../agent/world.ts';
import { createUsers } from '../host/users.ts';
import { createActors } from '../system/actors.ts';
import { createAtomicFiles } from '../system/atomic-files.ts';
import { leaveNoCore } from '../system/become.ts';
import { readBootTime } from '../system/boot-time.ts';
import { createClock, validatePattern } from '../system/clock.ts';
import { createCommands } from '../system/commands.ts';
import { fileSecurity, tryLock } from '../system/descriptors.ts';
import { createHttp, dialVetted } from '../system/http.ts';
import { createProcesses } from '../system/processes.ts';
import { createSdNotify } from '../system/sd-notify.ts';

const USER_AGENT = `credrotate/${packageJson.version}`;

/** Without them there are no secrets yet. */
export function openWorld([, ...script]: readonly string[], uid: number, stop: AbortSignal): Services {
  leaveNoCore();
  const services = openServices(stop);
  // Only root can have others act. Not by its name, which may be that of a newer version by now.
  return uid === 0 ? { ...services, actors: createActors(['/proc/self/exe', ...script], stop) } : services;
}

export function openServices(stop: AbortSignal): Services {
  const commands = createCommands();
  return {
    clock: createClock(),
    http: createHttp(USER_AGENT),
    makeHttp: async ({ tls, vet }) =>
      tls
        ? (await import('../system/https.ts')).createHttps(USER_AGENT, tls)
        : createHttp(USER_AGENT, vet && dialVetted(vet)),
    files: createAtomicFiles(),
    security: fileSecurity,
    users: createUsers({ commands, signal: stop }),
    commands,
    processes: createProcesses(),
    readBootTime,
    tryLock,
    sdNotify: createSdNotify(process.env['NOTIFY_SOCKET']),
    validatePattern,
  };
}
