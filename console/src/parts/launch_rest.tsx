import type { Offers } from '@gpuhour/sdk/contract'
import { NumberInput, Text, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Panel } from '../ui/panel.tsx'
import { StepTitle } from './launch_image.tsx'
import { nameLengthMax } from './names.ts'
import { StoragePrice } from './storage_price.tsx'

interface StorageStepProps {
  readonly offers: Offers | undefined
  readonly gib: number
  readonly onGib: (gib: number) => void
}

/** How large the home is: what stays when the instance is stopped. */
export function StorageStep({ offers, gib, onGib }: StorageStepProps) {
  const { t } = useTranslation()
  return (
    <Panel title={<StepTitle step={3}>{t('launch.storage')}</StepTitle>}>
      <div className="row" style={{ alignItems: 'flex-end', gap: 20 }}>
        <NumberInput
          label={t('launch.home')}
          value={gib}
          onChange={(value) => {
            const whole = Math.floor(Number(value))
            if (whole >= 1) onGib(whole)
          }}
          min={1}
          max={65_536}
          allowDecimal={false}
          allowNegative={false}
          clampBehavior="strict"
          suffix={t('launch.gib')}
          w={150}
        />
        {offers ? (
          <div style={{ paddingBottom: 7 }}>
            <StoragePrice offers={offers} gib={gib} />
          </div>
        ) : null}
      </div>
      <Text size="sm" c="dimmed" mt={8}>
        {t('launch.homeHelp')}
      </Text>
    </Panel>
  )
}

interface NameStepProps {
  readonly name: string
  readonly problem: 'wrong' | 'taken' | null
  /** What the platform said about it. */
  readonly refused: string | null
  readonly onName: (name: string) => void
}

/** What it is called: part of its address and of the SSH line. */
export function NameStep({ name, problem, refused, onName }: NameStepProps) {
  const { t } = useTranslation()
  const error = problem === null ? refused : t(`launch.name_${problem}`)
  return (
    <Panel title={<StepTitle step={4}>{t('launch.name')}</StepTitle>}>
      <TextInput
        label={t('launch.nameLabel')}
        description={t('launch.nameHelp')}
        value={name}
        onChange={(event) => onName(event.currentTarget.value)}
        error={name === '' ? null : error}
        maw={360}
        maxLength={nameLengthMax}
        autoComplete="off"
        spellCheck={false}
      />
    </Panel>
  )
}
