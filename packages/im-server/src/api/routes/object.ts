import { z } from 'zod'
import { maxObjectNameLength } from '../../domain/objects/object-limits.ts'
import { maxPartNumber } from '../../domain/objects/object-storage.ts'
import { objectPath, type Objects } from '../../domain/objects/objects.ts'
import type { PartGrant, Uploads } from '../../domain/objects/uploads.ts'
import { isPrintable } from '../../domain/ids.ts'
import { noPermission } from '../../domain/refusals.ts'
import { type Access, anyUser } from '../access.ts'
import { flag, id, int, nothing, optionalInt, requiredText, text } from '../fields.ts'
import { route, type Route, type Visitor } from '../route.ts'

/** What the routes of files stand on. */
export interface ObjectRoutesOptions {
  readonly objects: Objects
  readonly uploads: Uploads
  /** Where clients reach the API; what URLs of objects begin with. */
  readonly baseOf: (visitor: Visitor) => string
}

const size = int(0, Number.MAX_SAFE_INTEGER)
const cause = text(64)
const md5 = z.string('must be a string').regex(/^[0-9a-f]{32}$/, 'must be an MD5 in lower case hex')
const name = requiredText(3, maxObjectNameLength)
  .refine(isPrintable, 'must not contain control characters')
  .refine(
    (value) => value.split('/').length > 1 && value.split('/').every((step) => !['', '.', '..'].includes(step)),
    'must be a user id, / and a file name, without empty steps and dots alone',
  )
const contentType = text(256).transform((value) => (value === '' ? 'application/octet-stream' : value))

const ofCaller: Access<{ readonly name: string }> = {
  rule: 'self',
  check({ isAdmin, userID }, body) {
    if (!isAdmin && !body.name.startsWith(`${userID}/`)) throw noPermission(`name: must begin with ${userID}/`)
  },
}

/** Files: uploading them in parts or as a form, and the URLs they are read from. */
export function objectRoutes({ objects, uploads, baseOf }: ObjectRoutesOptions): readonly Route[] {
  const ownUpload = <Body>(uploadIDOf: (body: Body) => string): Access<Body> => ({
    rule: 'self',
    check: (caller, body) => uploads.requireOwn(caller, uploadIDOf(body)),
  })
  // SDKs merge queries and headers of all parts with those of each; everything is in the URL already.
  const signed = (base: string, grants: readonly PartGrant[]): object => ({
    url: '',
    query: null,
    header: null,
    parts: grants.map(({ partNumber, path }) => ({ partNumber, url: base + path, query: null, header: null })),
  })
  return [
    route('/object/part_limit', nothing, {
      access: anyUser,
      handle: async () => {
        const { partBytes } = uploads.limits
        return { minPartSize: partBytes, maxPartSize: partBytes, maxNumSize: uploads.maxPartCount }
      },
    }),
    route('/object/part_size', z.object({ size }), {
      access: anyUser,
      handle: async (_caller, body) => ({ size: uploads.partSize(body.size) }),
    }),
    route(
      '/object/initiate_multipart_upload',
      z.object({ hash: md5, size, partSize: size, maxParts: optionalInt(-1, maxPartNumber), cause, name, contentType }),
      {
        access: ofCaller,
        async handle(caller, { hash, partSize, maxParts, ...draft }, visitor) {
          const base = baseOf(visitor)
          const begun = await uploads.initiate(caller, draft, hash, partSize)
          if ('object' in begun) return { url: base + objectPath(begun.object) }
          const { upload } = begun
          const sign = signed(base, uploads.firstGrants(upload, maxParts))
          const { uploadID, expireTime } = upload
          return { url: '', upload: { uploadID, partSize, sign, expireTime: expireTime.getTime() } }
        },
      },
    ),
    route(
      '/object/auth_sign',
      z.object({
        uploadID: id,
        partNumbers: z
          .array(int(1, maxPartNumber), 'must be a list of part numbers')
          .max(maxPartNumber, `must name at most ${maxPartNumber}`),
      }),
      {
        access: ownUpload(({ uploadID }) => uploadID),
        handle: async (caller, { uploadID, partNumbers }, visitor) =>
          signed(baseOf(visitor), uploads.grants(await uploads.own(caller, uploadID), partNumbers)),
      },
    ),
    route(
      '/object/complete_multipart_upload',
      z.object({
        uploadID: id,
        parts: z
          .array(md5, 'must be a list of MD5s')
          .max(maxPartNumber, `must have at most ${maxPartNumber}`)
          .nullish()
          .transform((value) => value ?? []),
        cause,
        name,
        contentType,
      }),
      {
        access: ownUpload(({ uploadID }) => uploadID),
        handle: async (caller, { uploadID, parts, ...named }, visitor) => ({
          url: baseOf(visitor) + objectPath(await uploads.complete(caller, uploadID, parts, named)),
        }),
      },
    ),
    route(
      '/object/access_url',
      z.object({ name, query: z.record(z.string().max(64), z.string().max(256), 'must be an object').nullish() }),
      {
        access: anyUser,
        async handle(_caller, body, visitor) {
          const { path, expires } = objects.contentPath(await objects.named(body.name))
          return { url: baseOf(visitor) + path, expireTime: expires }
        },
      },
    ),
    route(
      '/object/initiate_form_data',
      z.object({ name, size, contentType, group: cause, millisecond: optionalInt(), absolute: flag }),
      {
        access: ofCaller,
        async handle(caller, body, visitor) {
          const draft = { name: body.name, size: body.size, contentType: body.contentType, cause: body.group }
          const upload = await uploads.initiateForm(caller, draft)
          return {
            id: upload.uploadID,
            url: baseOf(visitor) + uploads.formPath(upload),
            file: 'file',
            header: null,
            formData: {},
            expires: upload.expireTime.getTime(),
            successCodes: [204],
          }
        },
      },
    ),
    route('/object/complete_form_data', z.object({ id }), {
      access: ownUpload((body) => body.id),
      handle: async (caller, body, visitor) => ({
        url: baseOf(visitor) + objectPath(await uploads.complete(caller, body.id)),
      }),
    }),
  ]
}
