import type { Instance } from '@gpuhour/sdk/contract'
import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { CopyLine } from '../ui/copy_line.tsx'
import { sshLine } from './equivalents.ts'
import { OpenApp } from './open_app.tsx'

/** The ways in: apps in the browser, and SSH. */
export function InstanceDoors({ instance }: { instance: Instance }) {
  const { t } = useTranslation()
  const apps = instance.doors.filter(({ name }) => name !== 'ssh')
  const isRunning = instance.state === 'running'
  return (
    <div className="stack" style={{ gap: 14 }}>
      <div className="row">
        {apps.map((door) => (
          <OpenApp
            key={door.port}
            instance={instance}
            door={door}
            isMain={door.name === 'jupyter' && isRunning}
          />
        ))}
      </div>
      <div>
        <Text size="sm" c="dimmed" mb={4}>
          {t('doors.ssh')}
        </Text>
        <CopyLine text={sshLine(instance.ssh)} copy={t('common.copy')} copied={t('common.copied')} />
        <Text size="sm" c="dimmed" mt={6}>
          {t('doors.sshHelp')} <Link to={paths.keys}>{t('doors.addKey')}</Link>
        </Text>
      </div>
      {isRunning ? null : (
        <Text size="sm" c="dimmed">
          {t('doors.whenRunning')}
        </Text>
      )}
    </div>
  )
}
