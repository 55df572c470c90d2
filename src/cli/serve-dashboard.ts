// `clearway serve --dashboard`: looks at the server once a second and shows it on the dashboard. Loaded only where asked for.

import { Dashboard } from '../dashboard/dashboard.js';
import { serverFigures } from '../dashboard/server-figures.js';
import { WhyTeller } from '../dashboard/why-teller.js';
import type { Meter, Reading } from '../meter/index.js';
import type { Server } from '../serve/server.js';

const intervalMs = 1000;

/** A dashboard of a running server. */
export interface ServeDashboard {
  readonly urls: readonly string[];
  close(): Promise<void>;
}

/** Opens the dashboard of a server that listens. @throws Error where the address is taken. */
export async function openServeDashboard(
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<ServeDashboard> {
  const subject = `serve ${server.url}`;
  const dashboard = await Dashboard.open({ ...address, subject, refusal: server.meterRefusal });
  const teller = server.meter === undefined ? undefined : new WhyTeller('/proc/self/ns/net', undefined);
  const look = () => {
    const { meter } = server;
    const timeMs = Date.now();
    const reading = meter?.read();
    dashboard.push({
      timeMs,
      reading,
      why:
        dashboard.watched && teller !== undefined && meter !== undefined
          ? tellWhy(teller, meter, timeMs, reading!)
          : undefined,
      sockets: meter?.sockets(),
      server: serverFigures(server.metrics),
    });
  };
  look();
  const timer = setInterval(look, intervalMs);
  return {
    urls: dashboard.urls,
    close: () => {
      clearInterval(timer);
      return dashboard.close();
    },
  };
}

/** The programs that are asked on the way are this process's children, but none of the server's doing. */
function tellWhy(teller: WhyTeller, meter: Meter, timeMs: number, reading: Reading): readonly string[] {
  meter.exclude(process.pid);
  try {
    return teller.tell(timeMs, reading);
  } finally {
    meter.include(process.pid);
  }
}
