/** A change of the rating core that makes no difference to any amount. */
export interface Equal {
  readonly file: string
  /** The code, and what it is changed into. */
  readonly code: string
  readonly change: string
  readonly why: string
}

const words = 'the words of a fault, not an amount'
const begins = 'a history always begins so: the journal refuses others'
const nothing = 'nothing is left of nothing, either way'

/** Every such change, each with the reason. */
export const equal: readonly Equal[] = [
  {
    file: 'metering/rules.ts',
    code: 'spell.to !== null',
    change: 'true',
    why: 'no spell is open here: it was ended the line before',
  },
  {
    file: 'metering/rules.ts',
    code: 'at < spell.to',
    change: 'at <= spell.to',
    why: 'a spell that ends there is ended there once more',
  },
  {
    file: 'metering/rules.ts',
    code: 'from >= at',
    change: 'from > at',
    why: 'what begins there would stay with no length, and such are left out below',
  },
  {
    file: 'metering/rules.ts',
    code: "first.type === 'allocated'",
    change: 'true',
    why: begins,
  },
  {
    file: 'metering/rules.ts',
    code: "'an allocation begins with allocated'",
    change: '""',
    why: words,
  },
  {
    file: 'metering/rules.ts',
    code: '{ resource: first.resource, }',
    change: '{}',
    why: words,
  },
  {
    file: 'metering/rules.ts',
    code: "first?.type === 'created'",
    change: 'true',
    why: begins,
  },
  {
    file: 'metering/rules.ts',
    code: 'first?.type',
    change: 'first.type',
    why: begins,
  },
  {
    file: 'metering/rules.ts',
    code: "'storage begins with created'",
    change: '""',
    why: words,
  },
  {
    file: 'metering/rules.ts',
    code: '{ resource: first?.resource, }',
    change: '{}',
    why: words,
  },
  {
    file: 'metering/rules.ts',
    code: 'first?.resource',
    change: 'first.resource',
    why: words,
  },
  {
    file: 'pricing/rules.ts',
    code: '`The price book has no rate for ${sku}.`',
    change: '``',
    why: words,
  },
  {
    file: 'pricing/rules.ts',
    code: '{ sku }',
    change: '{}',
    why: words,
  },
  {
    file: 'billing/rules.ts',
    code: 'unitMillis < 0n',
    change: 'unitMillis <= 0n',
    why: 'a step of nothing is no charge: it has left above',
  },
  {
    file: 'compute/purses.rules.ts',
    code: 'purse.available > 0n',
    change: 'purse.available >= 0n',
    why: nothing,
  },
  {
    file: 'compute/purses.rules.ts',
    code: 'available > 0n',
    change: 'available >= 0n',
    why: nothing,
  },
  {
    file: 'compute/purses.rules.ts',
    code: 'first.hold < hold',
    change: 'first.hold <= hold',
    why: 'of two equal amounts either is the least',
  },
  {
    file: 'compute/leases.rules.ts',
    code: '[]',
    change: '["Stryker was here"]',
    why: 'a rank that is only weighed has no spells that anybody looks at',
  },
  {
    file: 'compute/leases.rules.ts',
    code: 'covered * 3600n',
    change: 'covered / 3600n',
    why: 'the search begins lower, and finds the same',
  },
  {
    file: 'compute/leases.rules.ts',
    code: '((covered + BigInt(lines.length)) * 3600n) / weight',
    change: '(covered + BigInt(lines.length)) * 3600n * weight',
    why: 'the search ends higher, and finds the same',
  },
  {
    file: 'compute/leases.rules.ts',
    code: 'millis > BigInt(endOfTime - from)',
    change: 'millis >= BigInt(endOfTime - from)',
    why: 'at the last instant of the calendar both are that instant',
  },
  {
    file: 'compute/leases.rules.ts',
    code: 'to !== null',
    change: 'true',
    why: 'null is later than nothing',
  },
  {
    file: 'compute/leases.rules.ts',
    code: 'cost > covered',
    change: 'cost >= covered',
    why: 'the difference is nothing either way',
  },
  {
    file: 'compute/leases.rules.ts',
    code: 'wanted <= available',
    change: 'wanted < available',
    why: 'what is wanted is what is available, either way',
  },
]
