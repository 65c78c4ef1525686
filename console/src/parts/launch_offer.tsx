import type { Offer, Offers } from '@gpuhour/sdk/contract'
import { Radio, Skeleton } from '@mantine/core'
import { IconCpu } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import css from './launch.module.css'
import { Empty } from '../ui/empty.tsx'
import { Tag } from '../ui/marks.tsx'
import { Money } from '../ui/money.tsx'
import { perSecond, ticking } from '../ui/money.ts'
import { Panel } from '../ui/panel.tsx'
import { isAskable } from './choices.ts'
import { StepTitle } from './launch_image.tsx'
import { Rate } from './live_money.tsx'
import { type Asked, Shown } from './shown.tsx'

interface OfferStepProps {
  readonly query: Asked<Offers>
  readonly offer: Offer | undefined
  readonly onPick: (flavor: string) => void
}

/** Which machine: its price, how many are free, and why not where it cannot be. */
export function OfferStep({ query, offer, onPick }: OfferStepProps) {
  const { t } = useTranslation()
  const skeleton = (
    <div className={css.rows} aria-hidden>
      {[0, 1, 2].map((index) => (
        <Skeleton key={index} height={58} />
      ))}
    </div>
  )
  return (
    <Panel title={<StepTitle step={2}>{t('launch.flavor')}</StepTitle>}>
      <Shown query={query} skeleton={skeleton}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty
              icon={<IconCpu size={36} />}
              title={t('launch.noFlavors')}
              text={t('launch.noFlavorsText')}
            />
          ) : (
            <Radio.Group value={offer?.flavor ?? null} onChange={onPick} aria-label={t('launch.flavor')}>
              <div className={css.rows}>
                {items.map((one) => (
                  <OfferCard key={one.flavor} offer={one} />
                ))}
              </div>
            </Radio.Group>
          )
        }
      </Shown>
    </Panel>
  )
}

function OfferCard({ offer }: { offer: Offer }) {
  const { t } = useTranslation()
  const { flavor, gpu, cpus, memoryGib, diskGib, nanosPerHour, currency } = offer
  const isOff = !isAskable(offer)
  return (
    <Radio.Card
      value={flavor}
      className={css.card ?? ''}
      disabled={isOff}
      {...(isOff ? { 'data-disabled': true } : {})}
      aria-label={flavor}
    >
      <div className={css.offer}>
        <Radio.Indicator disabled={isOff} />
        <div style={{ minWidth: 0 }}>
          <div className={css.cardTitle}>
            {gpu === null
              ? t('launch.cpuOnly', { cpus, memory: memoryGib })
              : t('launch.gpus', { count: gpu.count, model: gpu.model.toUpperCase() })}
          </div>
          <div className="soft" translate="no">
            {flavor}
          </div>
        </div>
        <div className={css.shape}>
          <div className="soft numbers">
            {gpu === null
              ? t('launch.diskOnly', { disk: diskGib })
              : t('launch.shape', { cpus, memory: memoryGib, disk: diskGib })}
          </div>
          <div style={{ marginTop: 2 }}>
            <FreeNow offer={offer} />
          </div>
        </div>
        <div className={css.price}>
          <Rate nanos={nanosPerHour} currency={currency} />
          <div className="soft">
            <Money nanos={perSecond(BigInt(nanosPerHour))} currency={currency} decimals={ticking} />{' '}
            {t('money.perSecond')}
          </div>
        </div>
      </div>
    </Radio.Card>
  )
}

function FreeNow({ offer: { fits, freeNow, capacity } }: { offer: Offer }) {
  const { t } = useTranslation()
  if (!fits.allowed)
    return (
      <span className={css.whyNot} lang="en">
        {fits.why ?? t('launch.doesNotFit')}
      </span>
    )
  if (capacity === 0) return <Tag tone="warn">{t('launch.noneHere')}</Tag>
  if (freeNow === 0) return <Tag tone="warn">{t('launch.allTaken')}</Tag>
  return <Tag tone="accent">{t('launch.freeNow', { count: freeNow })}</Tag>
}
