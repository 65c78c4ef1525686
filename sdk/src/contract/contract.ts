import { z } from 'zod'
import { exportQuery, focusMediaTypes, focusQuery, listMediaTypes } from './exports.ts'
import { budget, budgetChange, newBudget } from './budgets.ts'
import { buildProgress, image, offers } from './images.ts'
import { doorCode, historyEvent, instance, listInstancesQuery, newInstance } from './instances.ts'
import {
  billingDetails,
  closeBooks,
  closedBooks,
  creditNote,
  invoice,
  invoicesQuery,
  invoiceSummary,
  newBuyer,
  newCreditNote,
  newSeller,
  newTax,
  paperMediaTypes,
  sellerReply,
} from './invoices.ts'
import {
  balance,
  bill,
  charge,
  grant,
  lot,
  moneyListQuery,
  newGrant,
  periodQuery,
  statement,
  usage,
  usageEvent,
} from './money.ts'
import { listNoticesQuery, notice } from './notices.ts'
import {
  device,
  doctor,
  drainedDevice,
  fault,
  fenced,
  newFault,
  node,
  nodeAllocation,
  platform,
} from './operator.ts'
import {
  newPayment,
  newPromoCode,
  newRedemption,
  newRefund,
  payment,
  paymentTrouble,
  promoCode,
  redemption,
} from './payments.ts'
import {
  apiKey,
  listQuery,
  loginLink,
  madeApiKey,
  me,
  meChange,
  newApiKey,
  newProject,
  newSshKey,
  organization,
  organizationChange,
  project,
  sshKey,
} from './people.ts'
import {
  listedPriceBook,
  newPriceBook,
  priceBookCheck,
  priceBookDiff,
  priceBookDraft,
  priceBookEnd,
  priceBooksQuery,
} from './prices.ts'
import { listRunsQuery, logEnd, logLine, logQuery, newRun, run } from './runs.ts'
import type { PathNames, Route, RouteName, routes } from './routes.ts'
import { imageReference, pageOf } from './values.ts'
import {
  delivery,
  deliveryDetail,
  listDeliveriesQuery,
  madeWebhook,
  newWebhook,
  replayed,
  replaySince,
  rotatedSecret,
  webhook,
  webhookChange,
} from './webhooks.ts'
import { listVolumesQuery, newVolume, volume, volumeChange } from './volumes.ts'

/** What a route takes and answers. What makes something answers 201, or 200 when it was made before. */
export interface Shape {
  readonly summary: string
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly reply?: z.ZodType
  /** Does it make something, under the id that the caller gives? */
  readonly creates?: true
  /** Of a stream: its named events. An event with an id can be resumed after by `Last-Event-ID`. */
  readonly events?: Readonly<Record<string, z.ZodType>>
  /** Of a download: the media types that the file may have. */
  readonly files?: readonly string[]
}

/** Nothing more to say: what was asked for is so. */
export const done = z.strictObject({})

/** Every route's schemas; the paths stand in `routes.ts`. */
export const contract = {
  getMe: { summary: 'Who is asking', reply: me },
  changeMe: { summary: 'In which language one is written to', body: meChange, reply: me },
  createLoginLink: { summary: 'A link by which a browser signs in once', reply: loginLink },
  getPlatform: { summary: 'Addresses and host keys of the doors', reply: platform },

  listSshKeys: { summary: 'SSH keys of the person', query: listQuery, reply: pageOf(sshKey) },
  createSshKey: { summary: 'Add an SSH key', body: newSshKey, reply: sshKey, creates: true },
  deleteSshKey: { summary: 'Remove an SSH key', reply: done },
  listApiKeys: { summary: 'API keys of the person', query: listQuery, reply: pageOf(apiKey) },
  createApiKey: { summary: 'Make an API key', body: newApiKey, reply: madeApiKey, creates: true },
  deleteApiKey: { summary: 'Revoke an API key', reply: done },

  listOrganizations: {
    summary: 'Organizations one belongs to',
    query: listQuery,
    reply: pageOf(organization),
  },
  getOrganization: { summary: 'One organization', reply: organization },
  changeOrganization: {
    summary: 'In which language its members are written to',
    body: organizationChange,
    reply: organization,
  },
  listProjects: { summary: 'Projects of an organization', query: listQuery, reply: pageOf(project) },
  createProject: { summary: 'Make a project', body: newProject, reply: project, creates: true },
  getProject: { summary: 'One project', reply: project },

  listImages: {
    summary: 'The catalog: images, versions, proofs, builds',
    query: listQuery,
    reply: pageOf(image),
  },
  listBuilds: { summary: 'Image builds, newest first', query: listQuery, reply: pageOf(buildProgress) },
  listOffers: {
    summary: 'Flavors with their rates and what is free now',
    query: z.strictObject({ image: imageReference.optional() }),
    reply: offers,
  },

  listInstances: { summary: 'Instances of a project', query: listInstancesQuery, reply: pageOf(instance) },
  createInstance: { summary: 'Launch an instance', body: newInstance, reply: instance, creates: true },
  getInstance: { summary: 'One instance', reply: instance },
  startInstance: { summary: 'Ask it to run', reply: instance },
  stopInstance: { summary: 'Ask it to stop; free from now', reply: instance },
  restartInstance: { summary: 'Stop, then start', reply: instance },
  deleteInstance: { summary: 'Delete it and its home volume', reply: instance },
  followInstance: {
    summary:
      'Its history from the beginning (`event`, with ids), and itself whenever it changed (`instance`)',
    events: { event: historyEvent, instance },
  },
  openDoor: { summary: 'A one-time address that opens an app in the browser', reply: doorCode },

  listRuns: { summary: 'Runs of a project, newest first', query: listRunsQuery, reply: pageOf(run) },
  createRun: { summary: 'Run a command', body: newRun, reply: run, creates: true },
  getRun: { summary: 'One run', reply: run },
  cancelRun: { summary: 'Ask it to stop; free from now', reply: run },
  followRun: {
    summary: 'Its history from the beginning (`event`, with ids), and itself whenever it changed (`run`)',
    events: { event: historyEvent, run },
  },
  followRunLog: {
    summary: 'Its output (`line`, with ids that count from 1), then `end` once all of it was sent',
    query: logQuery,
    events: { line: logLine, end: logEnd },
  },

  followProject: {
    summary: 'Each instance and run of the project whenever it changed; everything alive at the beginning',
    events: { instance, run },
  },

  listVolumes: { summary: 'Volumes of a project', query: listVolumesQuery, reply: pageOf(volume) },
  createVolume: { summary: 'Make a volume', body: newVolume, reply: volume, creates: true },
  getVolume: { summary: 'One volume', reply: volume },
  resizeVolume: { summary: 'Change its size', body: volumeChange, reply: volume },
  deleteVolume: { summary: 'Delete it; free from now', reply: volume },

  getBalance: { summary: 'Balance, burn and runway', reply: balance },
  listLots: {
    summary: 'Credits with their terms and what is left of them, newest first',
    query: listQuery,
    reply: pageOf(lot),
  },
  listUsage: { summary: 'Paid time, newest first', query: moneyListQuery, reply: pageOf(usage) },
  listCharges: { summary: 'Charges, newest first', query: moneyListQuery, reply: pageOf(charge) },
  listUsageEvents: {
    summary: 'Usage events by resource and seq',
    query: moneyListQuery,
    reply: pageOf(usageEvent),
  },
  listPriceBooks: {
    summary: 'Price books of an organization: the general ones of its currency, and its own',
    query: listQuery,
    reply: pageOf(listedPriceBook),
  },
  getStatement: { summary: 'What a period cost', query: periodQuery, reply: statement },
  getBill: { summary: 'The open bill of a period (gpuhour-bill/1)', query: periodQuery, reply: bill },
  listBudgets: { summary: 'Budgets that are in force', query: listQuery, reply: pageOf(budget) },
  createBudget: { summary: 'Make a budget', body: newBudget, reply: budget, creates: true },
  getBudget: { summary: 'One budget', reply: budget },
  changeBudget: { summary: 'Change its name, limit or action', body: budgetChange, reply: budget },
  deleteBudget: { summary: 'End it: from now on it limits nothing', reply: done },
  createGrant: {
    summary: 'Give an organization money (operator)',
    body: newGrant,
    reply: grant,
    creates: true,
  },

  getSeller: { summary: 'Who issues invoices', reply: sellerReply },
  setSeller: { summary: 'Say who issues invoices (operator)', body: newSeller, reply: sellerReply },
  getBillingDetails: {
    summary: 'Who invoices are made out to, and what tax they bear',
    reply: billingDetails,
  },
  setBillingDetails: {
    summary: 'Say who invoices are made out to',
    body: newBuyer,
    reply: billingDetails,
  },
  setTax: { summary: 'Set the tax of its invoices (operator)', body: newTax, reply: billingDetails },
  closeBooks: {
    summary: 'Close what is over without the hour of grace, and invoice it (operator)',
    body: closeBooks,
    reply: closedBooks,
  },
  listInvoices: { summary: 'Invoices, newest first', query: invoicesQuery, reply: pageOf(invoiceSummary) },
  getInvoice: { summary: 'One invoice, by its id or number', reply: invoice },
  getInvoicePaper: {
    summary: 'Its file as issued: en.pdf, zh.pdf, or bill.json, the open bill of its period',
    files: paperMediaTypes,
  },
  createCreditNote: {
    summary: 'Give back an amount of an invoice (operator)',
    body: newCreditNote,
    reply: creditNote,
    creates: true,
  },
  getCreditNote: { summary: 'One credit note, by its id or number', reply: creditNote },
  getCreditNotePaper: { summary: 'Its file as issued: en.pdf or zh.pdf', files: paperMediaTypes },
  createPayment: {
    summary: 'Add money by card: answers with the page on which it is paid',
    body: newPayment,
    reply: payment,
    creates: true,
  },
  listPayments: { summary: 'Payments by card, newest first', query: listQuery, reply: pageOf(payment) },
  getPayment: { summary: 'One payment', reply: payment },
  refundPayment: {
    summary: 'Send a payment back, in part or whole (operator)',
    body: newRefund,
    reply: payment,
    creates: true,
  },
  listPaymentTroubles: {
    summary: 'Payments that an operator should look at, newest first (operator)',
    query: listQuery,
    reply: pageOf(paymentTrouble),
  },
  redeemPromoCode: {
    summary: 'Redeem a promo code',
    body: newRedemption,
    reply: redemption,
    creates: true,
  },
  createPromoCode: {
    summary: 'Make a promo code (operator)',
    body: newPromoCode,
    reply: promoCode,
    creates: true,
  },
  listPromoCodes: {
    summary: 'Promo codes, newest first (operator)',
    query: listQuery,
    reply: pageOf(promoCode),
  },
  withdrawPromoCode: { summary: 'End a promo code (operator)', reply: promoCode },

  listNotices: {
    summary: 'What the organization is told, newest first',
    query: listNoticesQuery,
    reply: pageOf(notice),
  },
  exportUsage: {
    summary: 'Paid time of a period, compute and storage, as known at its end; a line for each SKU',
    query: exportQuery,
    files: listMediaTypes,
  },
  exportCharges: {
    summary: 'Charges of a period, in the order in which they were booked',
    query: exportQuery,
    files: listMediaTypes,
  },
  exportEvents: {
    summary: 'Usage events recorded in a period, by resource and seq',
    query: exportQuery,
    files: listMediaTypes,
  },
  exportLedger: {
    summary: 'Transfers of a period that touch an account of the organization',
    query: exportQuery,
    files: listMediaTypes,
  },
  exportFocus: {
    summary: 'FOCUS: cost and usage of whole billing periods, an hour and SKU a row',
    query: focusQuery,
    files: focusMediaTypes,
  },
  listWebhooks: { summary: 'Webhooks of an organization', query: listQuery, reply: pageOf(webhook) },
  createWebhook: { summary: 'Make a webhook', body: newWebhook, reply: madeWebhook, creates: true },
  getWebhook: { summary: 'One webhook', reply: webhook },
  changeWebhook: { summary: 'Change it, disable or enable it', body: webhookChange, reply: webhook },
  deleteWebhook: { summary: 'Delete it; nothing more is sent', reply: done },
  rotateWebhookSecret: { summary: 'A new secret; for a day both sign', reply: rotatedSecret },
  testWebhook: { summary: 'Send it a test', reply: delivery },
  replayWebhook: { summary: 'Send it everything since an instant again', body: replaySince, reply: replayed },
  listDeliveries: {
    summary: 'Deliveries to a webhook, newest first',
    query: listDeliveriesQuery,
    reply: pageOf(delivery),
  },
  getDelivery: { summary: 'One delivery with its message and attempts', reply: deliveryDetail },
  replayDelivery: { summary: 'Send it again', reply: delivery },
  listAllPriceBooks: {
    summary: 'Every price book (operator)',
    query: priceBooksQuery,
    reply: pageOf(listedPriceBook),
  },
  publishPriceBook: {
    summary: 'Publish a price book (operator)',
    body: newPriceBook,
    reply: listedPriceBook,
    creates: true,
  },
  checkPriceBook: {
    summary: 'What would happen if it were published (operator)',
    body: priceBookDraft,
    reply: priceBookCheck,
  },
  getPriceBook: { summary: 'One price book', reply: listedPriceBook },
  endPriceBook: {
    summary: 'Say when own prices end (operator)',
    body: priceBookEnd,
    reply: listedPriceBook,
  },
  diffPriceBooks: { summary: 'In what a price book differs from an earlier one', reply: priceBookDiff },

  getDoctor: { summary: 'Facts about the platform (operator)', reply: doctor },
  listNodes: { summary: 'Machines with their devices (operator)', query: listQuery, reply: pageOf(node) },
  drainNode: { summary: 'Place nothing new on it; what is there stays (operator)', reply: node },
  readyNode: { summary: 'Use it again, once a look finds it clean (operator)', reply: node },
  fenceNode: {
    summary: 'Vouch that it is off: everything on it is released (operator)',
    reply: fenced,
  },
  listAllocations: {
    summary: 'Allocations that are or were on a machine, newest first (operator)',
    query: listQuery,
    reply: pageOf(nodeAllocation),
  },
  drainDevice: { summary: 'Give it to nobody new (operator)', body: drainedDevice, reply: device },
  readyDevice: { summary: 'Say that it is well again (operator)', reply: device },
  reportFault: {
    summary: 'Report a fault of an allocation: free from when it began (operator)',
    body: newFault,
    reply: fault,
  },
} as const satisfies Record<RouteName, Shape>

type Contract = typeof contract

/** The names in braces of a route's path. */
export type ParamsOf<N extends RouteName> = Record<PathNames<(typeof routes)[N]['path']>, string>
/** What the query of a route may hold, as it is asked. */
export type QueryOf<N extends RouteName> = Contract[N] extends { query: infer S extends z.ZodType }
  ? z.input<S>
  : never
/** What the body of a route must hold, as it is asked. */
export type BodyOf<N extends RouteName> = Contract[N] extends { body: infer S extends z.ZodType }
  ? z.input<S>
  : never
/** What a route answers. */
export type ReplyOf<N extends RouteName> = Contract[N] extends { reply: infer S extends z.ZodType }
  ? z.output<S>
  : never
/** The events of a stream: name and content. */
export type EventOf<N extends RouteName> = Contract[N] extends { events: infer E }
  ? {
      [Name in keyof E]: { event: Name; data: E[Name] extends z.ZodType ? z.output<E[Name]> : never }
    }[keyof E]
  : never

type RouteOf<Kind extends Route['kind']> = {
  [N in RouteName]: (typeof routes)[N]['kind'] extends Kind ? N : never
}[RouteName]
/** The routes that answer JSON, those that stream events, and those that send a file. */
export type JsonRoute = RouteOf<'json'>
export type StreamRoute = RouteOf<'stream'>
export type DownloadRoute = RouteOf<'download'>

export { pathOf, type RouteName, routes } from './routes.ts'
export { type ErrorCode, errorCodes, type Problem, problem } from './problem.ts'
export type { BuildProgress, Image, ImageVersion, Offer, Offers, Proof } from './images.ts'
export type { Allocation, Cost, HistoryEvent, Instance, InstanceState, Waiting } from './instances.ts'
export type { Budget } from './budgets.ts'
export type { BillingDetails, Buyer, CreditNote, Invoice, InvoiceSummary, Seller } from './invoices.ts'
export { bill } from './money.ts'
export type { Balance, Bill, Charge, Grant, Lot, Statement, Usage, UsageEvent } from './money.ts'
export { type Notice, notice, type NoticeType, noticeTypes } from './notices.ts'
export type { Device, Doctor, Fault, Fenced, Node, NodeAllocation, Platform } from './operator.ts'
export { paymentNanosMax, paymentNanosMin } from './payments.ts'
export type { Payment, PaymentTrouble, PromoCode, Redemption } from './payments.ts'
export type { ApiKey, KeyAction, MadeApiKey, Me, Organization, Project, SshKey } from './people.ts'
export type { ListedPriceBook, PriceBook, PriceBookCheck, PriceBookDiff, RateDifference } from './prices.ts'
export { finalRunStates, type LogLine, type Run, type RunState } from './runs.ts'
export { type IdKind, idPrefixes } from './ids.ts'
export type { Volume } from './volumes.ts'
export type { Delivery, DeliveryDetail, MadeWebhook, RotatedSecret, Webhook } from './webhooks.ts'
