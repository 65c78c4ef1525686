import type { Instance } from '@gpuhour/sdk/contract'
import { Anchor } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconExternalLink } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { WhyButton } from '../ui/why_button.tsx'
import { api } from './api.ts'
import { tellProblem } from './tell_problem.ts'

interface OpenAppProps {
  readonly instance: Instance
  readonly door: Instance['doors'][number]
  readonly size?: 'xs' | 'sm'
  readonly isMain?: boolean
}

/**
 * Opens an app on its own host in a new tab. The tab is made in the click itself, or the browser would block
 * it; it learns its address, with a code that works once, as soon as the platform has made one.
 */
export function OpenApp({ instance, door, size = 'sm', isMain = false }: OpenAppProps) {
  const { t } = useTranslation()
  const [isAsking, setAsking] = useState(false)
  const { connect } = instance.actions
  const why = connect.allowed ? (door.isOpen ? null : t('app.notOpen')) : (connect.why ?? t('app.notOpen'))
  const name = door.name === 'jupyter' ? t('app.jupyter') : door.name
  const open = async () => {
    const tab = window.open('', '_blank')
    if (tab) tab.opener = null
    setAsking(true)
    try {
      const { url } = await api.openDoor({ params: { instance: instance.id, port: String(door.port) } })
      if (tab) tab.location.replace(url)
      else showLink(url)
    } catch (error) {
      tab?.close()
      tellProblem(t, error)
    } finally {
      setAsking(false)
    }
  }
  const showLink = (url: string) => {
    const message = (
      <Anchor href={url} target="_blank" rel="noopener">
        {t('app.open', { name })}
      </Anchor>
    )
    notifications.show({ title: t('app.blocked'), message, autoClose: 25_000 })
  }
  return (
    <WhyButton
      why={why}
      size={size}
      variant={isMain ? 'filled' : 'default'}
      loading={isAsking}
      leftSection={<IconExternalLink size={16} />}
      onClick={() => void open()}
    >
      {t('app.open', { name })}
    </WhyButton>
  )
}
