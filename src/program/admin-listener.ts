/** Keeps the admin server across reloads: it moves to another address, or stays and changes its token. */
import type { AdminServer, AdminServerOptions } from '../admin/server.ts';
import type { Config } from '../config/config.ts';
import { collides } from '../config/listen-address.ts';
import type { PreparedPart } from './prepared.ts';

export class AdminListener {
  readonly #options: AdminServerOptions;
  #config: Config;
  #server: AdminServer | null = null;

  /** @throws Error if it can't bind, or its certificate can't be read */
  static async open(config: Config, options: AdminServerOptions): Promise<AdminListener> {
    const listener = new AdminListener(config, options);
    listener.#server = await listener.#start(config, null);
    return listener;
  }

  private constructor(config: Config, options: AdminServerOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Null: no admin server is configured. */
  get server(): AdminServer | null {
    return this.#server;
  }

  /**
   * Prepares for another config: binds its address. The old server runs on until `commit`, unless both need the same port.
   *
   * @throws Error if it can't bind; nothing has changed then
   */
  async prepare(next: Config): Promise<PreparedPart> {
    const before = this.#config;
    const moves = movesTo(before, next);
    // Only a generated token is kept: one removed from the config must stop working.
    const kept = before.admin && before.admin.token === null ? (this.#server?.token ?? null) : null;
    const inTheWay = moves && before.admin && next.admin && collides(before.admin.listen, next.admin.listen);
    const putBack = async (): Promise<void> => {
      if (inTheWay) this.#server = await this.#start(before, kept);
    };
    let moved: AdminServer | null = null;
    try {
      if (inTheWay) await this.#server?.close();
      if (moves) moved = await this.#start(next, kept);
    } catch (error) {
      await putBack();
      throw error;
    }
    const commit = async () => {
      const old = this.#server;
      this.#config = next;
      if (moved !== null || next.admin === false) this.#server = moved;
      else if (next.admin.token !== null) old?.replaceToken(next.admin.token);
      else if (kept === null) old?.makeToken();
      this.#server?.reloadCertificate(next.admin || null);
      return async () => {
        if (old !== this.#server) await old?.close();
      };
    };
    const abort = async (): Promise<void> => {
      await moved?.close();
      await putBack();
    };
    return { commit, abort };
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async #start({ admin }: Config, token: string | null): Promise<AdminServer | null> {
    if (admin === false) return null;
    const { startAdminServer } = await import('../admin/server.ts');
    return startAdminServer({ ...admin, token: admin.token ?? token }, this.#options);
  }
}

/** Whether a new admin listener must be bound. */
function movesTo({ admin: before }: Config, { admin }: Config): boolean {
  if (admin === false) return false;
  return before === false || before.listen.text !== admin.listen.text;
}
