import { makeId } from '@gpuhour/sdk/client'
import { Button, Modal, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, moneyText } from '../ui/money.ts'
import { api } from './api.ts'
import { Problem } from './problem.tsx'
import { mayManageMoney, useSession } from './session.ts'

/** A button that redeems a promo code, for who may decide about money. */
export function RedeemCode() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const [isOpen, setOpen] = useState(false)
  if (!mayManageMoney(organization)) return null
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        {t('redeem.open')}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        centered
        title={t('redeem.open')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {isOpen ? <RedeemForm onClose={() => setOpen(false)} /> : null}
      </Modal>
    </>
  )
}

function RedeemForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const client = useQueryClient()
  const { organization } = useSession()
  const [code, setCode] = useState('')
  const [id, setId] = useState(() => makeId('redemption'))
  const change = useMutation({
    mutationFn: () =>
      api.redeemPromoCode({ params: { organization: organization.id }, body: { id, code: code.trim() } }),
    onSuccess: ({ amountNanos, currency }) => {
      void client.invalidateQueries({ queryKey: ['balance'] })
      void client.invalidateQueries({ queryKey: ['statement'] })
      const amount = moneyText(BigInt(amountNanos), currency, locale, cents)
      notifications.show({ color: 'jade', message: t('redeem.done', { amount }) })
      onClose()
    },
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (code.trim() !== '') change.mutate()
      }}
    >
      <TextInput
        label={t('redeem.code')}
        description={t('redeem.help')}
        value={code}
        onChange={(event) => {
          setCode(event.currentTarget.value)
          setId(makeId('redemption'))
        }}
        maxLength={80}
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        data-autofocus
      />
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={code.trim() === ''} loading={change.isPending}>
          {t('redeem.sure')}
        </Button>
      </div>
    </form>
  )
}
