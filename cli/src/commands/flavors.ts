import { type CommandSpec, textOption } from '../command.ts'
import { printTable } from '../output.ts'
import { amount } from '../shown.ts'

export const command: CommandSpec = {
  name: 'flavors',
  summary: 'what can be had: shapes, prices, how many are free now',
  options: [['--image <name:version>', 'does this image run on them?']],
  async run(context, given) {
    const { id: project } = await context.project()
    const image = textOption(given, 'image')
    const offers = await context.client().listOffers({ params: { project }, query: image ? { image } : {} })
    if (context.isJson) return context.printJson(offers)
    const rows = offers.items.map((offer) => [
      offer.flavor,
      offer.gpu ? `${offer.gpu.count}×${offer.gpu.model.toUpperCase()}` : '–',
      `${offer.cpus} vCPU`,
      `${offer.memoryGib} GiB`,
      `${amount(offer.nanosPerHour, offer.currency)}/h`,
      `${offer.freeNow} of ${offer.capacity}`,
      offer.fits.why ?? '',
    ])
    const header = ['FLAVOR', 'GPU', 'CPU', 'MEMORY', 'PRICE', 'FREE', '']
    printTable(context, header, rows, 'No flavors yet: see gpuhour doctor')
    if (context.isTerminal)
      context.print(`volumes: ${amount(offers.volumeNanosPerGibHour, offers.currency, 6)} per GiB and hour`)
  },
}
