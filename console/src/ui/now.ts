import { useEffect, useState } from 'react'

/** The reading of a clock, again and again. `everyMs` null: it stands still. */
export function useClock(clock: () => number, everyMs: number | null): number {
  const [now, setNow] = useState(clock)
  useEffect(() => {
    if (everyMs === null) return
    const timer = setInterval(() => setNow(clock()), everyMs)
    return () => clearInterval(timer)
  }, [clock, everyMs])
  return now
}
