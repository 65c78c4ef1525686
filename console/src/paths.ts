/** Where each page is: the only place that spells out an address of the console. */
export const paths = {
  home: '/',
  signIn: '/sign-in',
  device: '/device',
  launch: '/launch',
  instances: '/instances',
  instance: (id: string) => `/instances/${encodeURIComponent(id)}`,
  runs: '/runs',
  run: (id: string) => `/runs/${encodeURIComponent(id)}`,
  images: '/images',
  volumes: '/volumes',
  billing: '/billing',
  charges: (resource?: string) =>
    resource === undefined ? '/billing/charges' : `/billing/charges?resource=${encodeURIComponent(resource)}`,
  usage: '/billing/usage',
  budgets: '/billing/budgets',
  invoices: '/billing/invoices',
  invoice: (name: string) => `/billing/invoices/${encodeURIComponent(name)}`,
  bill: '/billing/bill',
  keys: '/keys',
  operator: '/operator',
} as const
