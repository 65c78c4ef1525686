import { Button } from '@mantine/core'
import { IconZoomQuestion } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { Empty } from '../ui/empty.tsx'
import { PageHead } from '../ui/page_head.tsx'
import { Panel } from '../ui/panel.tsx'

/** No page has this address. */
export function NotFoundPage() {
  const { t } = useTranslation()
  return (
    <>
      <PageHead title={t('notFound.title')} />
      <Panel>
        <Empty
          icon={<IconZoomQuestion size={40} stroke={1.4} />}
          title={t('notFound.what')}
          text={t('notFound.text')}
          action={
            <Button component={Link} to={paths.home}>
              {t('notFound.home')}
            </Button>
          }
        />
      </Panel>
    </>
  )
}
