import type { Budget } from '@gpuhour/sdk/contract'
import * as billing from '../billing/billing.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import { asId, isId, type OrganizationId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { hourMs, type Instant, instant } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import type { Action, Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor } from './access.ts'
import { type CheckedBody, type Handlers, made, ok } from './calls.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** When the rest is used up at the present burn; null: not in this period, or already. */
function usedUpAt(left: bigint, perHour: bigint, now: Instant, periodTo: Instant | null): Instant | null {
  if (left <= 0n || perHour <= 0n) return null
  const at = BigInt(now) + (left * BigInt(hourMs)) / perHour
  const end = BigInt(periodTo ?? Number.MAX_SAFE_INTEGER)
  return at < end ? instant(Number(at)) : null
}

/** The name of what a budget is about, for people. */
async function targetNameOf(tx: Tx, { scope, target, organization }: billing.Budget): Promise<string> {
  switch (scope) {
    case 'organization':
      return (await tenancy.organization(tx, target))?.name ?? target
    case 'project':
    case 'job':
      return (await tenancy.projectNamed(tx, organization, target))?.name ?? target
    case 'person':
      return (await tenancy.person(tx, target))?.name ?? target
    case 'key':
      return (await tenancy.keyNamed(tx, organization, target))?.name ?? target
  }
}

async function view(tx: Tx, state: billing.BudgetState, currency: Budget['currency']): Promise<Budget> {
  const { budget, from, to, spending, perHour } = state
  const { id, organization, name, scope, target, job, period, limit, action, createdBy, createdAt } = budget
  const spent = spending.charged + spending.unbooked
  return {
    id,
    organization,
    name,
    scope,
    target,
    targetName: await targetNameOf(tx, budget),
    job,
    period,
    limitNanos: String(limit),
    currency,
    action,
    from: shown(from),
    to: shown(to),
    spentNanos: String(spent),
    heldNanos: String(spending.held),
    remainingNanos: String(limit - spent),
    nanosPerHour: String(perHour),
    usedUpAt: shown(usedUpAt(limit - spent, perHour, await tx.now(), to)),
    createdBy,
    createdAt: shown(createdAt),
  }
}

type Body = CheckedBody<'createBudget'>

function wrong(pointer: string, message: string): AppError {
  return new AppError('invalid_request', `The budget cannot be made: ${message}.`, undefined, [
    { pointer, message },
  ])
}

/** What the budget is to be about: looked up among what belongs to the organization. */
async function targetOf(tx: Tx, organization: OrganizationId, body: Body): Promise<string> {
  const { scope, target, job } = body
  if ((job !== null) !== (scope === 'job'))
    throw wrong('/job', scope === 'job' ? 'must name the runs' : 'is only for the scope "job"')
  if (scope === 'organization') {
    if (target === null || target === organization) return organization
    throw wrong('/target', 'must be left out: the budget is about the whole organization')
  }
  if (target === null) throw wrong('/target', `must name a ${scope === 'job' ? 'project' : scope}`)
  const found =
    scope === 'person'
      ? await tenancy.memberNamed(tx, organization, target)
      : scope === 'key'
        ? await tenancy.keyNamed(tx, organization, target)
        : await tenancy.projectNamed(tx, organization, target)
  if (!found) throw notFound(scope === 'job' ? 'project' : scope === 'key' ? 'API key' : scope, target)
  return found.id
}

/** A budget in force, if the principal may do this to it. */
async function budgetFor(
  tx: Tx,
  principal: Principal,
  action: Action,
  id: string,
): Promise<{ readonly budget: billing.Budget; readonly currency: Budget['currency'] }> {
  const budget = isId('budget', id) ? await billing.budget(tx, id) : null
  if (!budget) throw notFound('budget', id)
  const { currency } = await organizationFor(tx, principal, action, budget.organization).catch(
    (error: unknown) => {
      // Not theirs to know: the answer names what was asked for, not whose it is.
      throw error instanceof AppError && error.code === 'not_found' ? notFound('budget', id) : error
    },
  )
  if (budget.endedAt !== null) throw notFound('budget', id)
  return { budget, currency }
}

async function viewOf(tx: Tx, budget: billing.Budget, currency: Budget['currency']): Promise<Budget> {
  const states = await billing.budgetStates(tx, budget.organization)
  const state = states.find((one) => one.budget.id === budget.id)
  if (!state) throw notFound('budget', budget.id)
  return view(tx, state, currency)
}

function createHandler({ store }: ApiParts): Handlers['createBudget'] {
  return async ({ principal, params, body, requestHash, requestId }) => {
    const answer = await store.transact(async (tx) => {
      const payer = await organizationFor(tx, principal, 'manage_money', params.organization)
      const { id: organization, currency } = payer
      if (body.currency !== currency) throw wrong('/currency', `must be ${currency}`)
      const target = await targetOf(tx, organization, body)
      const { name, scope, job, period, action } = body
      const { budget, created } = await billing.createBudget(tx, {
        ...{ id: asId('budget', body.id), organization, name, scope, target, job, period, action },
        limit: nanos(BigInt(body.limitNanos)),
        createdBy: principal.person,
        requestHash,
      })
      const change = { organization, principal, action: 'budget.create', target: budget.id, requestId }
      if (created) await tenancy.audit(tx, { ...change, after: body })
      return { created, view: await viewOf(tx, budget, currency) }
    })
    return made(answer.created, answer.view)
  }
}

function changeHandler({ store }: ApiParts): Handlers['changeBudget'] {
  return async ({ principal, params, body, requestId }) =>
    ok(
      await store.transact(async (tx) => {
        const { budget, currency } = await budgetFor(tx, principal, 'manage_money', params.budget)
        const { name, limitNanos, action } = body
        const { id, organization } = budget
        const { before, after } = await billing.changeBudget(tx, organization, id, {
          ...(name === undefined ? {} : { name }),
          ...(limitNanos === undefined ? {} : { limit: nanos(BigInt(limitNanos)) }),
          ...(action === undefined ? {} : { action }),
        })
        const facts = (of: billing.Budget) => [of.name, String(of.limit), of.action]
        const change = { organization, principal, action: 'budget.change', target: id, requestId }
        await tenancy.audit(tx, { ...change, before: facts(before), after: facts(after) })
        return viewOf(tx, after, currency)
      }),
    )
}

type BudgetRoutes = 'listBudgets' | 'createBudget' | 'getBudget' | 'changeBudget' | 'deleteBudget'

/** What may be spent in a period, and what happens when it is. */
export function budgetHandlers(parts: ApiParts): Pick<Handlers, BudgetRoutes> {
  const { store } = parts
  return {
    createBudget: createHandler(parts),
    changeBudget: changeHandler(parts),

    listBudgets: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id, currency } = await organizationFor(tx, principal, 'read_money', params.organization)
          const views: Budget[] = []
          for (const state of await billing.budgetStates(tx, id)) views.push(await view(tx, state, currency))
          return pageOfAll(
            views,
            query,
            (one) => one.id,
            (one) => one,
          )
        }),
      ),

    getBudget: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const { budget, currency } = await budgetFor(tx, principal, 'read_money', params.budget)
          return viewOf(tx, budget, currency)
        }),
      ),

    deleteBudget: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { budget } = await budgetFor(tx, principal, 'manage_money', params.budget)
          const { id, organization } = budget
          await billing.endBudget(tx, organization, id)
          const change = { organization, principal, action: 'budget.delete', target: id, requestId }
          await tenancy.audit(tx, { ...change, before: [budget.name, String(budget.limit), budget.action] })
          return {}
        }),
      ),
  }
}
