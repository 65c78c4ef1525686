import type { LogLine, Run } from '@gpuhour/sdk/contract'
import { Switch, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../ui/panel.tsx'
import { useFollow } from './follow.ts'
import { joinPieces, matching, plainText, type ShownLine, shownLinesMax } from './log_search.ts'
import css from './run_log.module.css'
import { StreamNote } from './stream_note.tsx'

/** Lines are drawn this often at most: two hundred thousand of them must not stop the page. */
const drawEveryMs = 150

function useLog(run: Run) {
  const [log, setLog] = useState<{ lines: readonly ShownLine[]; count: number; isWhole: boolean }>({
    lines: [],
    count: 0,
    isWhole: false,
  })
  const waiting = useRef<LogLine[]>([])
  const ended = useRef(false)
  const stream = useFollow(
    `log ${run.id}`,
    (follower, options) => follower.followRunLog({ params: { run: run.id } }, options),
    (event) => {
      if (event.event === 'line') waiting.current.push(event.data)
      else ended.current = true
    },
  )
  useEffect(() => {
    const timer = setInterval(() => {
      const pieces = waiting.current
      if (pieces.length === 0 && !ended.current) return
      waiting.current = []
      if (ended.current) clearInterval(timer)
      setLog(({ lines, count, isWhole }) => ({
        // A stream that is opened anew may tell what was told: each piece counts once.
        lines: joinPieces(
          lines,
          pieces.filter(({ n }) => n > count),
        ),
        count: Math.max(count, pieces.at(-1)?.n ?? 0),
        isWhole: isWhole || ended.current,
      }))
    }, drawEveryMs)
    return () => clearInterval(timer)
  }, [])
  return { ...log, stream }
}

/** The output as it comes, with search; it stays at its end unless one reads further up. */
export function RunLog({ run }: { run: Run }) {
  const { t } = useTranslation()
  const { lines, count, isWhole, stream } = useLog(run)
  const [sought, setSought] = useState('')
  const [follows, setFollows] = useState(true)
  const box = useRef<HTMLDivElement>(null)
  const shown = matching(lines, sought)
  useEffect(() => {
    if (follows && box.current) box.current.scrollTop = box.current.scrollHeight
  })
  const isQuiet = run.endedAt !== null || run.state === 'queued' || run.state === 'preparing'
  return (
    <Panel title={t('log.title')} aside={<StreamNote state={stream} />} isFlush>
      <div className="row" style={{ padding: '4px 16px 12px', justifyContent: 'space-between' }}>
        <TextInput
          type="search"
          aria-label={t('log.search')}
          placeholder={t('log.search')}
          leftSection={<IconSearch size={16} />}
          value={sought}
          onChange={(event) => setSought(event.currentTarget.value)}
          style={{ flex: '1 1 220px', maxWidth: 340 }}
        />
        <span className="row soft numbers">
          {sought.trim() === '' ? t('log.lines', { count }) : t('log.found', { count: shown.length })}
          <Switch
            label={t('log.follow')}
            checked={follows}
            onChange={(event) => setFollows(event.currentTarget.checked)}
          />
        </span>
      </div>
      <div
        ref={box}
        className={css.log}
        role="log"
        aria-label={t('log.title')}
        aria-live="off"
        // What scrolls must be reachable by keys.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onWheel={(event) => event.deltaY < 0 && setFollows(false)}
      >
        {count > shownLinesMax ? (
          <div className={css.note}>{t('log.cut', { count: shownLinesMax })}</div>
        ) : null}
        {shown.map(({ n, stream: from, text }) => (
          <div key={n} className={`${css.line} ${from === 'stderr' ? css.stderr : ''}`}>
            <span className={css.number} aria-hidden>
              {n}
            </span>
            <span className={css.text}>{plainText(text)}</span>
          </div>
        ))}
        {isWhole ? <div className={css.note}>{t('log.end')}</div> : null}
        {lines.length === 0 && !isWhole ? (
          <div className={css.note}>{t(isQuiet ? 'log.notYet' : 'log.waiting')}</div>
        ) : null}
      </div>
    </Panel>
  )
}
