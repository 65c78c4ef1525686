import type { PromoCode } from '@gpuhour/sdk/contract'
import { Button, Modal, Skeleton, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { CopyLine } from '../ui/copy_line.tsx'
import { Mark, type Tone } from '../ui/marks.tsx'
import { Money } from '../ui/money.tsx'
import { cents } from '../ui/money.ts'
import { Panel } from '../ui/panel.tsx'
import { When } from '../ui/when.tsx'
import { api, keys } from './api.ts'
import { More } from './more.tsx'
import { PromoCodeForm } from './promo_code_form.tsx'
import { useList, useNow } from './queries.ts'
import { Shown } from './shown.tsx'
import { tellProblem } from './tell_problem.ts'

const toneOf: Readonly<Record<PromoCode['state'], Tone>> = {
  active: 'good',
  expired: 'quiet',
  used_up: 'quiet',
  withdrawn: 'quiet',
}

/** The operator's promo codes, newest first, and a button that makes one. */
export function PromoCodes() {
  const { t } = useTranslation()
  const [isOpen, setOpen] = useState(false)
  const query = useList(keys.promoCodes, (page, signal) => api.listPromoCodes({ query: page }, { signal }), {
    limit: 8,
  })
  const make = (
    <Button size="xs" variant="default" onClick={() => setOpen(true)}>
      {t('promo.make')}
    </Button>
  )
  return (
    <Panel title={t('promo.title')} aside={make}>
      <Shown query={query} skeleton={<Skeleton height={90} aria-hidden />}>
        {(codes) => (
          <>
            {codes.length === 0 ? <Text c="dimmed">{t('promo.none')}</Text> : null}
            <div className="stack">
              {codes.map((one) => (
                <Code key={one.id} code={one} />
              ))}
            </div>
            <More {...query} />
          </>
        )}
      </Shown>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        centered
        title={t('promo.make')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {isOpen ? <PromoCodeForm onClose={() => setOpen(false)} /> : null}
      </Modal>
    </Panel>
  )
}

function Code({ code: one }: { code: PromoCode }) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  return (
    <div>
      <CopyLine text={one.code} copy={t('common.copy')} copied={t('common.copied')} />
      <div className="row" style={{ justifyContent: 'space-between', marginTop: 4 }}>
        <span className="soft">
          <Money nanos={BigInt(one.amountNanos)} currency={one.currency} decimals={cents} />
          {' · '}
          {t('promo.redeemed', { count: one.redemptions, most: one.redemptionsMax })}
        </span>
        <Mark tone={toneOf[one.state]}>{t(`promo.state.${one.state}`)}</Mark>
      </div>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <span className="soft">
          {one.expiresAt === null ? (
            t('promo.noEnd')
          ) : (
            <>
              {t('promo.until')} <When at={one.expiresAt} now={now} isMoment />
            </>
          )}
          {one.creditDays === null ? null : ` · ${t('promo.lapses', { count: one.creditDays })}`}
        </span>
        {one.state === 'active' ? <End code={one} /> : null}
      </div>
    </div>
  )
}

function End({ code }: { code: PromoCode }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: () => api.withdrawPromoCode({ params: { promoCode: code.id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.promoCodes }),
    onError: (error) => tellProblem(t, error),
  })
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      color="red.9"
      loading={change.isPending}
      onClick={() => change.mutate()}
      aria-label={t('promo.endNamed', { code: code.code })}
    >
      {t('promo.end')}
    </Button>
  )
}
