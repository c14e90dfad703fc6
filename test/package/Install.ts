/**
 * An installation without a registry: a project's node_modules made of links to exactly the packages that npm would
 * install for it (dependencies and required peers, and theirs), so that what is not declared is not there.
 *
 * Node and TypeScript are told to keep links as they are: a package is found where the link is, and looks for its own
 * dependencies from there, never from the repository that the link leads to.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

// package.json is npm's own format, of which these fields are optional.
const manifestOf = (folder: string): Manifest => JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8"))

const needsOf = (folder: string): ReadonlyArray<string> => {
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = manifestOf(folder)
  const requiredPeers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional)
  return [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...requiredPeers]
}

/** Links the packages and all that they need from one node_modules folder into another. */
export const link = (options: {
  readonly from: string
  readonly to: string
  readonly packages: ReadonlyArray<string>
}): void => {
  const pending = [...options.packages]
  const done = new Set<string>()
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const source = Path.join(options.from, name)
    // Optional ones of other platforms; a missing required one is missing for the program, which says so.
    if (done.has(name) || !Fs.existsSync(source)) continue
    done.add(name)
    const target = Path.join(options.to, name)
    Fs.mkdirSync(Path.dirname(target), { recursive: true })
    Fs.symlinkSync(Fs.realpathSync(source), target, "dir")
    // Versions that npm nested in the package come along with it.
    pending.push(...needsOf(source).filter((need) => !Fs.existsSync(Path.join(source, "node_modules", need))))
    pending.push(...nestedNeeds(Path.join(source, "node_modules")))
  }
}

/** What the packages nested in a package need: it may be above them. */
const nestedNeeds = (modules: string): ReadonlyArray<string> => {
  if (!Fs.existsSync(modules)) return []
  return Fs.readdirSync(modules).flatMap((name) => {
    const folder = Path.join(modules, name)
    if (name.startsWith("@")) return nestedNeeds(folder)
    return Fs.existsSync(Path.join(folder, "package.json")) ? needsOf(folder) : []
  })
}
