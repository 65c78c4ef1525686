/** The mark: an hour that is counted. */
export function Brand({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-jade-8)" />
      <circle cx="16" cy="16" r="9" fill="none" stroke="#fff" strokeWidth="2.6" />
      <path
        d="M16 10.5V16l3.8 2.6"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}
