import { ApiError, makeId } from '@gpuhour/sdk/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { paths } from '../paths.ts'
import { api } from '../parts/api.ts'
import { type Choice, choicesOf, firstOffer, firstPick, isAskable } from '../parts/choices.ts'
import { ImageStep } from '../parts/launch_image.tsx'
import { OfferStep } from '../parts/launch_offer.tsx'
import { NameStep, StorageStep } from '../parts/launch_rest.tsx'
import { Summary } from '../parts/launch_summary.tsx'
import { freeName, isName } from '../parts/names.ts'
import { keepInstance, useImages, useInstances, useOffers } from '../parts/queries.ts'
import { useSession } from '../parts/session.ts'
import { PageHead } from '../ui/page_head.tsx'

/** The platform's own default for a home volume. */
const usualGib = 20

/** What was picked, or what is picked as long as nobody picked. */
function useDraft() {
  const images = useImages()
  const instances = useInstances()
  const [reference, setReference] = useState<string | null>(null)
  const [flavor, setFlavor] = useState<string | null>(null)
  const [volumeGib, setVolumeGib] = useState(usualGib)
  const [name, setName] = useState<string | null>(null)
  const choices = useMemo(() => choicesOf(images.data ?? []), [images.data])
  const choice: Choice | undefined =
    choices.find(({ version }) => version.reference === reference) ?? firstPick(choices)
  const image = choice?.version.reference ?? null
  const offers = useOffers(image)
  const offer =
    offers.data?.items.find((one) => one.flavor === flavor) ?? firstOffer(offers.data?.items ?? [])
  const taken = new Set(instances.data?.filter(({ state }) => state !== 'deleted').map((one) => one.name))
  const shownName = name ?? (image === null ? '' : freeName(image, taken))
  return {
    images,
    offers,
    choices,
    choice,
    offer,
    volumeGib,
    name: shownName,
    nameProblem: isName(shownName) ? (taken.has(shownName) ? ('taken' as const) : null) : ('wrong' as const),
    setReference,
    setFlavor,
    setVolumeGib,
    setName,
  }
}

/** Image, flavor, storage, name; what it costs stands beside them all the time. */
export function LaunchPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const client = useQueryClient()
  const { project } = useSession()
  const draft = useDraft()
  // One id as long as the request is the same: sent again after a lost answer, it finds what the first made.
  const id = useRef({ of: '', id: makeId('instance') })
  const launch = useMutation({
    mutationFn: (body: { name: string; image: string; flavor: string; volumeGib: number }) => {
      const of = JSON.stringify(body)
      if (id.current.of !== of) id.current = { of, id: makeId('instance') }
      return api.createInstance({ params: { project: project.id }, body: { id: id.current.id, ...body } })
    },
    onSuccess: (instance) => {
      keepInstance(client, instance)
      void client.invalidateQueries({ queryKey: ['balance'] })
      void navigate(paths.instance(instance.id))
    },
  })
  const { choice, offer, name, volumeGib, nameProblem } = draft
  const isReady = choice !== undefined && offer !== undefined && isAskable(offer) && nameProblem === null
  const asked =
    choice && offer ? { name, image: choice.version.reference, flavor: offer.flavor, volumeGib } : null
  return (
    <>
      <PageHead title={t('launch.title')} text={t('launch.text')} />
      <form
        className="split wide"
        onSubmit={(event) => {
          event.preventDefault()
          if (isReady && asked) launch.mutate(asked)
        }}
      >
        <div className="stack">
          <ImageStep
            query={draft.images}
            choices={draft.choices}
            choice={choice}
            onPick={draft.setReference}
          />
          <OfferStep query={draft.offers} offer={offer} onPick={draft.setFlavor} />
          <StorageStep offers={draft.offers.data} gib={volumeGib} onGib={draft.setVolumeGib} />
          <NameStep
            name={name}
            problem={nameProblem}
            refused={fieldProblem(launch.error, '/name')}
            onName={draft.setName}
          />
        </div>
        <div className="sticky">
          <Summary
            asked={asked}
            offer={offer}
            choice={choice}
            offers={draft.offers.data}
            isReady={isReady}
            isAsking={launch.isPending}
            error={launch.error}
          />
        </div>
      </form>
    </>
  )
}

/** What the platform said about a field of the request. */
function fieldProblem(error: unknown, pointer: string): string | null {
  if (!(error instanceof ApiError)) return null
  return error.errors.find((one) => one.pointer === pointer)?.message ?? null
}
