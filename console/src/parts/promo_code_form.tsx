import { makeId } from '@gpuhour/sdk/client'
import { Button, Select, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type InputHTMLAttributes, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { nanosOf } from '../ui/money.ts'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'
import { serverClock } from './server_clock.ts'
import { useSession } from './session.ts'

const dayMs = 86_400_000
const lifetimes = ['7', '30', '90', '365', ''] as const

/** What was typed so far. */
interface Typed {
  readonly amount: string
  readonly most: string
  readonly code: string
  /** Empty: without an end. */
  readonly days: string
  readonly creditDays: string
}

/** As the contract has them, or null where something is not right yet. */
function termsOf({ amount, most, code, days, creditDays }: Typed, now: number) {
  const nanos = nanosOf(amount)
  if (nanos === null || nanos === 0n || !/^[1-9]\d{0,6}$/.test(most)) return null
  return {
    code: code.trim() === '' ? null : code.trim(),
    amountNanos: String(nanos),
    expiresAt: days === '' ? null : new Date(now + Number(days) * dayMs).toISOString(),
    creditDays: creditDays === '' ? null : Number(creditDays),
    redemptionsMax: Number(most),
  }
}

/** Makes a promo code in the currency of the organization that one is in. */
export function PromoCodeForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { organization } = useSession()
  const { currency } = organization
  const [typed, setTyped] = useState<Typed>({
    ...{ amount: '10', most: '100', code: '', days: '30', creditDays: '90' },
  })
  // The end of the code is counted from when it was last changed, so that a repeat asks for the same.
  const [asked, setAsked] = useState(() => ({ id: makeId('promoCode'), at: serverClock.now() }))
  const terms = termsOf(typed, asked.at)
  const change = useMutation({
    mutationFn: (body: NonNullable<typeof terms>) =>
      api.createPromoCode({ body: { ...body, id: asked.id, currency } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.promoCodes })
      onClose()
    },
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (terms !== null) change.mutate(terms)
      }}
    >
      <Fields
        typed={typed}
        currency={currency}
        onType={(more) => {
          setTyped({ ...typed, ...more })
          setAsked({ id: makeId('promoCode'), at: serverClock.now() })
        }}
      />
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={terms === null} loading={change.isPending}>
          {t('promo.make')}
        </Button>
      </div>
    </form>
  )
}

interface FieldsProps {
  readonly typed: Typed
  readonly currency: string
  readonly onType: (more: Partial<Typed>) => void
}

function Fields({ typed, currency, onType }: FieldsProps) {
  const { t } = useTranslation()
  const text = (field: keyof Typed, inputMode: InputHTMLAttributes<HTMLInputElement>['inputMode']) => ({
    value: typed[field],
    onChange: (event: { readonly currentTarget: { readonly value: string } }) =>
      onType({ [field]: event.currentTarget.value }),
    autoComplete: 'off',
    ...(inputMode === undefined ? {} : { inputMode }),
  })
  const ends = lifetimes.map((value) => ({
    value,
    label: value === '' ? t('keys.noEnd') : t('keys.days', { count: Number(value) }),
  }))
  const end = (field: 'days' | 'creditDays') => ({
    value: typed[field],
    onChange: (value: string | null) => onType({ [field]: value ?? '' }),
    data: ends,
    allowDeselect: false,
  })
  const isAmount = (nanosOf(typed.amount) ?? 0n) > 0n
  return (
    <>
      <TextInput
        label={t('operator.amount', { currency })}
        error={isAmount ? null : t('operator.amountWrong')}
        data-autofocus
        {...text('amount', 'decimal')}
      />
      <TextInput
        label={t('promo.most')}
        description={t('promo.mostHelp')}
        error={/^[1-9]\d{0,6}$/.test(typed.most) ? null : t('promo.mostWrong')}
        {...text('most', 'numeric')}
      />
      <TextInput
        label={t('redeem.code')}
        description={t('promo.codeHelp')}
        maxLength={40}
        spellCheck={false}
        {...text('code', undefined)}
      />
      <Select label={t('promo.lifetime')} {...end('days')} />
      <Select label={t('promo.creditLifetime')} {...end('creditDays')} />
    </>
  )
}
