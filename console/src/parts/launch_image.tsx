import type { Image } from '@gpuhour/sdk/contract'
import { Radio, Skeleton } from '@mantine/core'
import { IconBox } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'
import { Panel } from '../ui/panel.tsx'
import css from './launch.module.css'
import { type Choice, inLanguage, isPickable } from './choices.ts'
import { Build } from './build.tsx'
import { type Asked, Shown } from './shown.tsx'
import { VersionTags } from './version_tags.tsx'

/** The number of a step and its name. */
export function StepTitle({ step, children }: { step: number; children: string }) {
  return (
    <>
      <span className={css.step} aria-hidden>
        {step}
      </span>
      {children}
    </>
  )
}

interface ImageStepProps {
  readonly query: Asked<readonly Image[]>
  readonly choices: readonly Choice[]
  readonly choice: Choice | undefined
  readonly onPick: (reference: string) => void
}

/** Which environment: every version with its proofs, or how far it is being built. */
export function ImageStep({ query, choices, choice, onPick }: ImageStepProps) {
  const { t } = useTranslation()
  const skeleton = (
    <div className={css.cards} aria-hidden>
      <Skeleton height={118} />
      <Skeleton height={118} />
    </div>
  )
  return (
    <Panel title={<StepTitle step={1}>{t('launch.image')}</StepTitle>}>
      <Shown query={query} skeleton={skeleton}>
        {() =>
          choices.length === 0 ? (
            <Empty icon={<IconBox size={36} />} title={t('images.none')} text={t('images.noneText')} />
          ) : (
            <Radio.Group
              value={choice?.version.reference ?? null}
              onChange={onPick}
              aria-label={t('launch.image')}
            >
              <div className={css.cards}>
                {choices.map((one) => (
                  <ImageCard key={one.version.reference} choice={one} />
                ))}
              </div>
            </Radio.Group>
          )
        }
      </Shown>
    </Panel>
  )
}

function ImageCard({ choice: { image, version } }: { choice: Choice }) {
  const { i18n } = useTranslation()
  const isOff = !isPickable(version)
  return (
    <Radio.Card
      value={version.reference}
      className={css.card ?? ''}
      disabled={isOff}
      {...(isOff ? { 'data-disabled': true } : {})}
      aria-label={version.reference}
    >
      <div className={css.cardIn}>
        <Radio.Indicator disabled={isOff} mt={2} />
        <div style={{ minWidth: 0 }}>
          <div className={css.cardTitle}>{inLanguage(image.title, i18n.language)}</div>
          <div className="soft" translate="no">
            {version.reference}
          </div>
          <div className="row" style={{ marginTop: 8, gap: 6 }}>
            <VersionTags version={version} />
          </div>
          {version.build === null ? null : (
            <div style={{ marginTop: 10 }}>
              <Build build={version.build} />
            </div>
          )}
        </div>
      </div>
    </Radio.Card>
  )
}
