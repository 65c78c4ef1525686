/**
 * A route of the public API; `stream` answers server-sent events, `download` a file as it is read. No zod
 * here: the client must load fast.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly kind: 'json' | 'stream' | 'download'
}

/** Every route. A thing is made and listed under what owns it, and found by its id alone. */
export const routes = {
  getMe: { method: 'GET', path: '/v1/me', kind: 'json' },
  changeMe: { method: 'PATCH', path: '/v1/me', kind: 'json' },
  createLoginLink: { method: 'POST', path: '/v1/me/login-links', kind: 'json' },
  getPlatform: { method: 'GET', path: '/v1/platform', kind: 'json' },

  listSshKeys: { method: 'GET', path: '/v1/me/ssh-keys', kind: 'json' },
  createSshKey: { method: 'POST', path: '/v1/me/ssh-keys', kind: 'json' },
  deleteSshKey: { method: 'DELETE', path: '/v1/me/ssh-keys/{sshKey}', kind: 'json' },
  listApiKeys: { method: 'GET', path: '/v1/me/api-keys', kind: 'json' },
  createApiKey: { method: 'POST', path: '/v1/me/api-keys', kind: 'json' },
  deleteApiKey: { method: 'DELETE', path: '/v1/me/api-keys/{apiKey}', kind: 'json' },

  listOrganizations: { method: 'GET', path: '/v1/organizations', kind: 'json' },
  getOrganization: { method: 'GET', path: '/v1/organizations/{organization}', kind: 'json' },
  changeOrganization: { method: 'PATCH', path: '/v1/organizations/{organization}', kind: 'json' },
  listProjects: { method: 'GET', path: '/v1/organizations/{organization}/projects', kind: 'json' },
  createProject: { method: 'POST', path: '/v1/organizations/{organization}/projects', kind: 'json' },
  getProject: { method: 'GET', path: '/v1/projects/{project}', kind: 'json' },

  listImages: { method: 'GET', path: '/v1/images', kind: 'json' },
  listBuilds: { method: 'GET', path: '/v1/builds', kind: 'json' },
  listOffers: { method: 'GET', path: '/v1/projects/{project}/offers', kind: 'json' },

  listInstances: { method: 'GET', path: '/v1/projects/{project}/instances', kind: 'json' },
  createInstance: { method: 'POST', path: '/v1/projects/{project}/instances', kind: 'json' },
  getInstance: { method: 'GET', path: '/v1/instances/{instance}', kind: 'json' },
  startInstance: { method: 'POST', path: '/v1/instances/{instance}/start', kind: 'json' },
  stopInstance: { method: 'POST', path: '/v1/instances/{instance}/stop', kind: 'json' },
  restartInstance: { method: 'POST', path: '/v1/instances/{instance}/restart', kind: 'json' },
  deleteInstance: { method: 'DELETE', path: '/v1/instances/{instance}', kind: 'json' },
  followInstance: { method: 'GET', path: '/v1/instances/{instance}/events', kind: 'stream' },
  openDoor: { method: 'POST', path: '/v1/instances/{instance}/doors/{port}/code', kind: 'json' },

  listRuns: { method: 'GET', path: '/v1/projects/{project}/runs', kind: 'json' },
  createRun: { method: 'POST', path: '/v1/projects/{project}/runs', kind: 'json' },
  getRun: { method: 'GET', path: '/v1/runs/{run}', kind: 'json' },
  cancelRun: { method: 'POST', path: '/v1/runs/{run}/cancel', kind: 'json' },
  followRun: { method: 'GET', path: '/v1/runs/{run}/events', kind: 'stream' },
  followRunLog: { method: 'GET', path: '/v1/runs/{run}/logs', kind: 'stream' },

  followProject: { method: 'GET', path: '/v1/projects/{project}/events', kind: 'stream' },

  listVolumes: { method: 'GET', path: '/v1/projects/{project}/volumes', kind: 'json' },
  createVolume: { method: 'POST', path: '/v1/projects/{project}/volumes', kind: 'json' },
  getVolume: { method: 'GET', path: '/v1/volumes/{volume}', kind: 'json' },
  resizeVolume: { method: 'PATCH', path: '/v1/volumes/{volume}', kind: 'json' },
  deleteVolume: { method: 'DELETE', path: '/v1/volumes/{volume}', kind: 'json' },

  getBalance: { method: 'GET', path: '/v1/organizations/{organization}/balance', kind: 'json' },
  listLots: { method: 'GET', path: '/v1/organizations/{organization}/lots', kind: 'json' },
  listUsage: { method: 'GET', path: '/v1/organizations/{organization}/usage', kind: 'json' },
  listCharges: { method: 'GET', path: '/v1/organizations/{organization}/charges', kind: 'json' },
  listUsageEvents: { method: 'GET', path: '/v1/organizations/{organization}/events', kind: 'json' },
  listPriceBooks: { method: 'GET', path: '/v1/organizations/{organization}/price-books', kind: 'json' },
  getStatement: { method: 'GET', path: '/v1/organizations/{organization}/statement', kind: 'json' },
  getBill: { method: 'GET', path: '/v1/organizations/{organization}/bill', kind: 'json' },
  listBudgets: { method: 'GET', path: '/v1/organizations/{organization}/budgets', kind: 'json' },
  createBudget: { method: 'POST', path: '/v1/organizations/{organization}/budgets', kind: 'json' },
  getBudget: { method: 'GET', path: '/v1/budgets/{budget}', kind: 'json' },
  changeBudget: { method: 'PATCH', path: '/v1/budgets/{budget}', kind: 'json' },
  deleteBudget: { method: 'DELETE', path: '/v1/budgets/{budget}', kind: 'json' },
  createGrant: { method: 'POST', path: '/v1/organizations/{organization}/grants', kind: 'json' },

  getSeller: { method: 'GET', path: '/v1/seller', kind: 'json' },
  setSeller: { method: 'PUT', path: '/v1/seller', kind: 'json' },
  getBillingDetails: {
    method: 'GET',
    path: '/v1/organizations/{organization}/billing-details',
    kind: 'json',
  },
  setBillingDetails: {
    method: 'PUT',
    path: '/v1/organizations/{organization}/billing-details',
    kind: 'json',
  },
  setTax: { method: 'PUT', path: '/v1/organizations/{organization}/tax', kind: 'json' },
  closeBooks: { method: 'POST', path: '/v1/organizations/{organization}/close', kind: 'json' },
  listInvoices: { method: 'GET', path: '/v1/organizations/{organization}/invoices', kind: 'json' },
  getInvoice: { method: 'GET', path: '/v1/invoices/{invoice}', kind: 'json' },
  getInvoicePaper: { method: 'GET', path: '/v1/invoices/{invoice}/papers/{paper}', kind: 'download' },
  createCreditNote: { method: 'POST', path: '/v1/invoices/{invoice}/credit-notes', kind: 'json' },
  getCreditNote: { method: 'GET', path: '/v1/credit-notes/{creditNote}', kind: 'json' },
  getCreditNotePaper: {
    method: 'GET',
    path: '/v1/credit-notes/{creditNote}/papers/{paper}',
    kind: 'download',
  },
  createPayment: { method: 'POST', path: '/v1/organizations/{organization}/payments', kind: 'json' },
  listPayments: { method: 'GET', path: '/v1/organizations/{organization}/payments', kind: 'json' },
  getPayment: { method: 'GET', path: '/v1/payments/{payment}', kind: 'json' },
  refundPayment: { method: 'POST', path: '/v1/payments/{payment}/refunds', kind: 'json' },
  listPaymentTroubles: { method: 'GET', path: '/v1/payment-troubles', kind: 'json' },
  redeemPromoCode: { method: 'POST', path: '/v1/organizations/{organization}/redemptions', kind: 'json' },
  createPromoCode: { method: 'POST', path: '/v1/promo-codes', kind: 'json' },
  listPromoCodes: { method: 'GET', path: '/v1/promo-codes', kind: 'json' },
  withdrawPromoCode: { method: 'DELETE', path: '/v1/promo-codes/{promoCode}', kind: 'json' },

  listNotices: { method: 'GET', path: '/v1/organizations/{organization}/notices', kind: 'json' },
  exportUsage: { method: 'GET', path: '/v1/organizations/{organization}/exports/usage', kind: 'download' },
  exportCharges: {
    method: 'GET',
    path: '/v1/organizations/{organization}/exports/charges',
    kind: 'download',
  },
  exportEvents: { method: 'GET', path: '/v1/organizations/{organization}/exports/events', kind: 'download' },
  exportLedger: { method: 'GET', path: '/v1/organizations/{organization}/exports/ledger', kind: 'download' },
  exportFocus: { method: 'GET', path: '/v1/organizations/{organization}/exports/focus', kind: 'download' },
  listWebhooks: { method: 'GET', path: '/v1/organizations/{organization}/webhooks', kind: 'json' },
  createWebhook: { method: 'POST', path: '/v1/organizations/{organization}/webhooks', kind: 'json' },
  getWebhook: { method: 'GET', path: '/v1/webhooks/{webhook}', kind: 'json' },
  changeWebhook: { method: 'PATCH', path: '/v1/webhooks/{webhook}', kind: 'json' },
  deleteWebhook: { method: 'DELETE', path: '/v1/webhooks/{webhook}', kind: 'json' },
  rotateWebhookSecret: { method: 'POST', path: '/v1/webhooks/{webhook}/secret', kind: 'json' },
  testWebhook: { method: 'POST', path: '/v1/webhooks/{webhook}/test', kind: 'json' },
  replayWebhook: { method: 'POST', path: '/v1/webhooks/{webhook}/replay', kind: 'json' },
  listDeliveries: { method: 'GET', path: '/v1/webhooks/{webhook}/deliveries', kind: 'json' },
  getDelivery: { method: 'GET', path: '/v1/deliveries/{delivery}', kind: 'json' },
  replayDelivery: { method: 'POST', path: '/v1/deliveries/{delivery}/replay', kind: 'json' },
  listAllPriceBooks: { method: 'GET', path: '/v1/price-books', kind: 'json' },
  publishPriceBook: { method: 'POST', path: '/v1/price-books', kind: 'json' },
  checkPriceBook: { method: 'POST', path: '/v1/price-books/check', kind: 'json' },
  getPriceBook: { method: 'GET', path: '/v1/price-books/{priceBook}', kind: 'json' },
  endPriceBook: { method: 'POST', path: '/v1/price-books/{priceBook}/end', kind: 'json' },
  diffPriceBooks: { method: 'GET', path: '/v1/price-books/{before}/diff/{after}', kind: 'json' },

  getDoctor: { method: 'GET', path: '/v1/doctor', kind: 'json' },
  listNodes: { method: 'GET', path: '/v1/nodes', kind: 'json' },
  drainNode: { method: 'POST', path: '/v1/nodes/{node}/drain', kind: 'json' },
  readyNode: { method: 'POST', path: '/v1/nodes/{node}/ready', kind: 'json' },
  fenceNode: { method: 'POST', path: '/v1/nodes/{node}/fence', kind: 'json' },
  listAllocations: { method: 'GET', path: '/v1/nodes/{node}/allocations', kind: 'json' },
  drainDevice: { method: 'POST', path: '/v1/devices/{device}/drain', kind: 'json' },
  readyDevice: { method: 'POST', path: '/v1/devices/{device}/ready', kind: 'json' },
  reportFault: { method: 'POST', path: '/v1/allocations/{allocation}/faults', kind: 'json' },
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof routes

/** The names in braces of a path. */
export type PathNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathNames<Rest>
  : never

/** The path with its names filled in. */
export function pathOf(name: RouteName, params: Readonly<Record<string, string | number>> = {}): string {
  return routes[name].path.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(String(params[key] ?? '')),
  )
}
