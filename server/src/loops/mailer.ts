import { Readable } from 'node:stream'
import MailComposer from 'nodemailer/lib/mail-composer'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { parseConnectionUrl } from 'nodemailer/lib/shared'
import { messageOf } from '../kernel/errors.ts'
import { secondMs } from '../kernel/time.ts'
import type { Mail, MailOutcome } from '../notices/mails.ts'

/** What a mailer works with. */
export interface MailerOptions {
  /** `smtp://user:password@host:587`, or `smtps://` for TLS from the start. */
  readonly url: string
  /** The sender's address. */
  readonly from: string
  /** Longest waits for the server, in ms. Default: half a minute. */
  readonly answerMsMax?: number
}

/**
 * Hands one mail to the SMTP server. `handOver` is called once the server has asked for the text and before
 * the first byte of it: where it throws, nothing is sent, and where it answers false neither, and that is no
 * outcome (null). Never throws.
 */
export type SendMail = (mail: Mail, handOver: () => Promise<boolean>) => Promise<MailOutcome | null>

const usualAnswerMs = 30 * secondMs

/** Makes what sends mail: a connection for each, by nodemailer. */
export function makeMailer(options: MailerOptions): SendMail {
  return async (mail, handOver) => {
    const { url, from, answerMsMax = usualAnswerMs } = options
    const parsed = parseConnectionUrl(url)
    const connection = new SMTPConnection({
      ...parsed,
      connectionTimeout: answerMsMax,
      greetingTimeout: answerMsMax,
      socketTimeout: answerMsMax,
    })
    let [isHanded, isOthers] = [false, false]
    // Read only after the server has said 354: up to there it has nothing that it could deliver.
    const text = async function* (): AsyncGenerator<Buffer> {
      const message = await composed(mail, from)
      isOthers = !(await handOver())
      if (isOthers) throw new Error('the mail was handed over by somebody else')
      isHanded = true
      yield message
    }
    try {
      await opened(connection, parsed.auth)
      await sent(connection, { from, to: mail.to.address }, Readable.from(text()))
      connection.quit()
      return { kind: 'sent' }
    } catch (error) {
      connection.close()
      return isOthers ? null : outcomeOf(error, isHanded)
    }
  }
}

function composed(mail: Mail, from: string): Promise<Buffer> {
  const { id, to, subject, text } = mail
  const [, domain = 'gpuhour.internal'] = /@([^@>]+)>?$/.exec(from) ?? []
  return new MailComposer({
    from: { name: 'gpuhour', address: from },
    to,
    subject,
    text,
    // The same in every attempt: a receiver that is given it twice can know.
    messageId: `<${id}@${domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build()
}

function opened(
  connection: SMTPConnection,
  auth: ReturnType<typeof parseConnectionUrl>['auth'],
): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('error', reject)
    connection.connect((error) => {
      if (error) return reject(error)
      if (!auth) return resolve()
      connection.login(auth, (refused) => (refused ? reject(refused) : resolve()))
    })
  })
}

function sent(
  connection: SMTPConnection,
  envelope: { readonly from: string; readonly to: string },
  text: Readable,
): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('error', reject)
    connection.once('end', () => reject(new Error('the server closed the connection')))
    connection.send(envelope, text, (error) => (error ? reject(error) : resolve()))
  })
}

/** What a failure means: what the server has said for good of this mail, and what nobody knows. */
function outcomeOf(error: unknown, isHanded: boolean): MailOutcome {
  const said = messageOf(error).slice(0, 300)
  const { responseCode, command } =
    error instanceof Error && 'responseCode' in error && 'command' in error ? error : {}
  if (responseCode === undefined && isHanded) return { kind: 'unknown', error: said }
  // A refusal of what we are (530, 535: sign in first) is the operator's to mend; the mail can wait.
  const isOfMail = command === 'RCPT TO' || command === 'DATA'
  const isForGood = typeof responseCode === 'number' && responseCode >= 500 && isOfMail
  return { kind: isForGood ? 'refused' : 'failed', error: said }
}
