import type { BillingDetails } from '@gpuhour/sdk/contract'
import * as parties from '../billing/parties.ts'
import type { Tx } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor, require } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import type { ApiParts } from './parts.ts'

async function detailsView(tx: Tx, organization: tenancy.OrganizationRow['id']): Promise<BillingDetails> {
  return {
    organization,
    buyer: await parties.buyer(tx, organization),
    tax: await parties.taxRule(tx, organization),
  }
}

type PartyRoutes = 'getSeller' | 'setSeller' | 'getBillingDetails' | 'setBillingDetails' | 'setTax'

/** Who issues invoices, who they are made out to, and what tax they bear. */
export function partyHandlers({ store }: ApiParts): Pick<Handlers, PartyRoutes> {
  return {
    getSeller: async ({ principal }) => {
      require(principal, 'read', { kind: 'platform' }, 'platform', '')
      return ok({ seller: await store.read((tx) => parties.seller(tx)) })
    },

    setSeller: async ({ principal, body, requestId }) => {
      require(principal, 'operate', { kind: 'platform' }, 'platform', '')
      return ok({
        seller: await store.transact(async (tx) => {
          const before = await parties.seller(tx)
          await parties.setSeller(tx, body)
          const change = {
            organization: null,
            principal,
            action: 'seller.set',
            target: 'platform',
            requestId,
          }
          await tenancy.audit(tx, { ...change, before, after: body })
          return parties.seller(tx)
        }),
      })
    },

    getBillingDetails: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
          return detailsView(tx, id)
        }),
      ),

    setBillingDetails: async ({ principal, params, body, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'manage_money', params.organization)
          const before = await parties.buyer(tx, id)
          await parties.setBuyer(tx, id, body)
          const change = { organization: id, principal, action: 'buyer.set', target: id, requestId }
          await tenancy.audit(tx, { ...change, before, after: body })
          return detailsView(tx, id)
        }),
      ),

    setTax: async ({ principal, params, body, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'operate', params.organization)
          const before = await parties.taxRule(tx, id)
          await parties.setTaxRule(tx, id, body.tax)
          const change = { organization: id, principal, action: 'tax.set', target: id, requestId }
          await tenancy.audit(tx, { ...change, before, after: body.tax })
          return detailsView(tx, id)
        }),
      ),
  }
}
