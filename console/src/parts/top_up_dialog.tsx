import { makeId } from '@gpuhour/sdk/client'
import type { Platform } from '@gpuhour/sdk/contract'
import { Button, Modal, Radio, Text, TextInput } from '@mantine/core'
import { IconExternalLink, IconPlus } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, moneyText, nanosOf } from '../ui/money.ts'
import { Notice } from '../ui/notice.tsx'
import { api } from './api.ts'
import { usualOffer } from './choices.ts'
import css from './launch.module.css'
import { useWay } from './payment_queries.ts'
import { Problem } from './problem.tsx'
import { useBalance, useInstances, useOffers } from './queries.ts'
import { mayManageMoney, useSession } from './session.ts'
import { amountFault, amounts, buys, unitsInNanos } from './top_up.ts'

/** A button that leads to a page of the payment vendor's, for who may decide about money. */
export function AddMoney() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const [isOpen, setOpen] = useState(false)
  if (!mayManageMoney(organization)) return null
  return (
    <>
      <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen(true)}>
        {t('topUp.add')}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        centered
        title={t('topUp.add')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {isOpen ? <TopUp onClose={() => setOpen(false)} /> : null}
      </Modal>
    </>
  )
}

function TopUp({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const { me } = useSession()
  const way = useWay()
  if (way?.way === 'card') return <TopUpForm bounds={way} onClose={onClose} />
  if (!way) return null
  return (
    <Notice tone="quiet" title={t('topUp.byGrant')}>
      {t(me.person.isOperator ? 'topUp.byGrantOperator' : 'topUp.byGrantText')}
    </Notice>
  )
}

interface TopUpFormProps {
  readonly bounds: Platform['payments']
  readonly onClose: () => void
}

function TopUpForm({ bounds, onClose }: TopUpFormProps) {
  const { t } = useTranslation()
  const { organization } = useSession()
  const [choice, setChoice] = useState(String(amounts[1]))
  const [typed, setTyped] = useState('')
  const [id, setId] = useState(() => makeId('payment'))
  const isOther = choice === 'other'
  const nanos = isOther ? nanosOf(typed) : unitsInNanos(BigInt(choice))
  const fault = amountFault(nanos, bounds)
  const { currency } = organization
  const change = useMutation({
    mutationFn: (amount: bigint) =>
      api.createPayment({
        params: { organization: organization.id },
        body: { id, amountNanos: String(amount), currency },
      }),
    onSuccess: ({ checkoutUrl }) => {
      if (checkoutUrl !== null) globalThis.location.assign(checkoutUrl)
    },
  })
  const pick = (value: string, text = typed) => {
    setChoice(value)
    setTyped(text)
    setId(makeId('payment'))
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (nanos !== null && fault === null) change.mutate(nanos)
      }}
    >
      <Radio.Group value={choice} onChange={(value) => pick(value)} aria-label={t('topUp.amount')}>
        <div className={css.rows}>
          {amounts.map((units) => (
            <AmountCard key={String(units)} units={units} currency={currency} />
          ))}
          <Radio.Card value="other" className={css.card ?? ''} aria-label={t('topUp.other')}>
            <div className={css.cardIn}>
              <Radio.Indicator mt={3} />
              <div className={css.cardTitle}>{t('topUp.other')}</div>
            </div>
          </Radio.Card>
        </div>
      </Radio.Group>
      {isOther ? (
        <OtherAmount bounds={bounds} typed={typed} fault={fault} onType={(text) => pick('other', text)} />
      ) : null}
      {change.error ? <Problem error={change.error} /> : null}
      <Text size="sm" c="dimmed">
        {t('topUp.where')}
      </Text>
      <PayRow nanos={fault === null ? nanos : null} isPending={change.isPending} onClose={onClose} />
    </form>
  )
}

interface PayRowProps {
  readonly nanos: bigint | null
  readonly isPending: boolean
  readonly onClose: () => void
}

function PayRow({ nanos, isPending, onClose }: PayRowProps) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { organization } = useSession()
  return (
    <div className="row" style={{ justifyContent: 'flex-end' }}>
      <Button variant="default" onClick={onClose}>
        {t('common.cancel')}
      </Button>
      <Button
        type="submit"
        disabled={nanos === null}
        loading={isPending}
        rightSection={<IconExternalLink size={16} />}
      >
        {nanos === null
          ? t('topUp.pay')
          : t('topUp.payAmount', { amount: moneyText(nanos, organization.currency, locale, cents) })}
      </Button>
    </div>
  )
}

function AmountCard({ units, currency }: { units: bigint; currency: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const balance = useBalance()
  const instances = useInstances()
  const offers = useOffers(null)
  const nanos = unitsInNanos(units)
  const usual = offers.data && usualOffer(offers.data.items, instances.data ?? [])
  const bought = balance.data ? buys(nanos, balance.data.nanosPerHour, usual) : null
  const hours = bought && new Intl.NumberFormat(locale).format(bought.hours)
  const text = moneyText(nanos, currency, locale, cents)
  return (
    <Radio.Card value={String(units)} className={css.card ?? ''} aria-label={text}>
      <div className={css.cardIn}>
        <Radio.Indicator mt={3} />
        <div className="row" style={{ justifyContent: 'space-between' }}>
          <span className={css.cardTitle}>{text}</span>
          <span className="soft numbers">
            {bought === null
              ? null
              : bought.flavor === null
                ? t('topUp.buysNow', { hours })
                : t('home.buys', { hours, flavor: bought.flavor })}
          </span>
        </div>
      </div>
    </Radio.Card>
  )
}

interface OtherAmountProps {
  readonly bounds: Platform['payments']
  readonly typed: string
  readonly fault: ReturnType<typeof amountFault>
  readonly onType: (text: string) => void
}

function OtherAmount({ bounds, typed, fault, onType }: OtherAmountProps) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { organization } = useSession()
  const shown = (nanos: string) => moneyText(BigInt(nanos), organization.currency, locale, cents)
  const between = { least: shown(bounds.minNanos), most: shown(bounds.maxNanos) }
  return (
    <TextInput
      label={t('operator.amount', { currency: organization.currency })}
      description={t('topUp.between', between)}
      value={typed}
      onChange={(event) => onType(event.currentTarget.value)}
      inputMode="decimal"
      error={typed === '' || fault === null ? null : t(`topUp.fault.${fault}`, between)}
      autoComplete="off"
      data-autofocus
    />
  )
}
