import type { ComponentType } from 'react'

/** A page of the console; its code is fetched when somebody goes there. */
export interface Page {
  readonly path: string
  /** `gate`: before one is in. `shell`: only for who is signed in. */
  readonly frame: 'gate' | 'shell'
  readonly load: () => Promise<ComponentType>
}

/** Every page, laid out like the files in `pages/`. */
export const pages: readonly Page[] = [
  { path: '/sign-in', frame: 'gate', load: async () => (await import('./pages/sign_in.tsx')).SignInPage },
  { path: '/device', frame: 'gate', load: async () => (await import('./pages/device.tsx')).DevicePage },
  { path: '/', frame: 'shell', load: async () => (await import('./pages/home.tsx')).HomePage },
  { path: '/launch', frame: 'shell', load: async () => (await import('./pages/launch.tsx')).LaunchPage },
  {
    path: '/instances',
    frame: 'shell',
    load: async () => (await import('./pages/instances/instances.tsx')).InstancesPage,
  },
  {
    path: '/instances/:instance',
    frame: 'shell',
    load: async () => (await import('./pages/instances/instance.tsx')).InstancePage,
  },
  { path: '/runs', frame: 'shell', load: async () => (await import('./pages/runs/runs.tsx')).RunsPage },
  { path: '/runs/:run', frame: 'shell', load: async () => (await import('./pages/runs/run.tsx')).RunPage },
  { path: '/images', frame: 'shell', load: async () => (await import('./pages/images.tsx')).ImagesPage },
  { path: '/volumes', frame: 'shell', load: async () => (await import('./pages/volumes.tsx')).VolumesPage },
  {
    path: '/billing',
    frame: 'shell',
    load: async () => (await import('./pages/billing/statement.tsx')).StatementPage,
  },
  {
    path: '/billing/credits',
    frame: 'shell',
    load: async () => (await import('./pages/billing/credits.tsx')).CreditsPage,
  },
  {
    path: '/billing/charges',
    frame: 'shell',
    load: async () => (await import('./pages/billing/charges.tsx')).ChargesPage,
  },
  {
    path: '/billing/usage',
    frame: 'shell',
    load: async () => (await import('./pages/billing/usage.tsx')).UsagePage,
  },
  {
    path: '/billing/budgets',
    frame: 'shell',
    load: async () => (await import('./pages/billing/budgets.tsx')).BudgetsPage,
  },
  {
    path: '/billing/invoices',
    frame: 'shell',
    load: async () => (await import('./pages/billing/invoices.tsx')).InvoicesPage,
  },
  {
    path: '/billing/invoices/:invoice',
    frame: 'shell',
    load: async () => (await import('./pages/billing/invoice.tsx')).InvoicePage,
  },
  {
    path: '/billing/bill',
    frame: 'shell',
    load: async () => (await import('./pages/billing/bill.tsx')).BillPage,
  },
  {
    path: '/billing/payments',
    frame: 'shell',
    load: async () => (await import('./pages/billing/payments.tsx')).PaymentsPage,
  },
  {
    path: '/billing/payments/:payment',
    frame: 'shell',
    load: async () => (await import('./pages/billing/payment.tsx')).PaymentPage,
  },
  { path: '/keys', frame: 'shell', load: async () => (await import('./pages/keys.tsx')).KeysPage },
  {
    path: '/operator',
    frame: 'shell',
    load: async () => (await import('./pages/operator.tsx')).OperatorPage,
  },
  { path: '*', frame: 'shell', load: async () => (await import('./pages/not_found.tsx')).NotFoundPage },
]
