import type { CommandSpec } from './command.ts'

type Loader = () => Promise<{ readonly command: CommandSpec }>

/**
 * Every command, in the order of help. Only what is run is loaded: a listing is there before one would
 * look up.
 */
export const loaders: Readonly<Record<string, Loader>> = {
  login: () => import('./commands/login.ts'),
  logout: () => import('./commands/logout.ts'),
  whoami: () => import('./commands/whoami.ts'),
  images: () => import('./commands/images.ts'),
  flavors: () => import('./commands/flavors.ts'),
  launch: () => import('./commands/launch.ts'),
  ls: () => import('./commands/ls.ts'),
  show: () => import('./commands/show.ts'),
  open: () => import('./commands/open.ts'),
  ssh: () => import('./commands/ssh.ts'),
  'ssh-config': () => import('./commands/ssh-config.ts'),
  cp: () => import('./commands/cp.ts'),
  stop: () => import('./commands/stop.ts'),
  start: () => import('./commands/start.ts'),
  restart: () => import('./commands/restart.ts'),
  rm: () => import('./commands/rm.ts'),
  run: () => import('./commands/run.ts'),
  logs: () => import('./commands/logs.ts'),
  keys: () => import('./commands/keys.ts'),
  volumes: () => import('./commands/volumes.ts'),
  balance: () => import('./commands/balance.ts'),
  budgets: () => import('./commands/budgets.ts'),
  prices: () => import('./commands/prices.ts'),
  topup: () => import('./commands/topup.ts'),
  payments: () => import('./commands/payments.ts'),
  redeem: () => import('./commands/redeem.ts'),
  refund: () => import('./commands/refund.ts'),
  'promo-codes': () => import('./commands/promo-codes.ts'),
  credits: () => import('./commands/credits.ts'),
  usage: () => import('./commands/usage.ts'),
  statement: () => import('./commands/statement.ts'),
  invoices: () => import('./commands/invoices.ts'),
  invoice: () => import('./commands/invoice.ts'),
  export: () => import('./commands/export.ts'),
  notices: () => import('./commands/notices.ts'),
  webhooks: () => import('./commands/webhooks.ts'),
  'verify-bill': () => import('./commands/verify-bill.ts'),
  nodes: () => import('./commands/nodes.ts'),
  devices: () => import('./commands/devices.ts'),
  fault: () => import('./commands/fault.ts'),
  doctor: () => import('./commands/doctor.ts'),
}
