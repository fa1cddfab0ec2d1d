// The password for all nodes of a run, as the command line says: typed, or out of the environment or a descriptor. Never an argument,
// which every user of this machine could read. It is had before anything is dialled.
import { FleetError, Secret } from '../core/index.ts'
import { readFirstLine } from './first-line.ts'
import { askHidden } from './terminal/question.ts'

export interface PasswordOptions {
  readonly askPassword?: boolean
  readonly passwordEnv?: string
  readonly passwordFd?: string
}

/**
 * Undefined when no option asks for one. Throws FLEET_CLI_BAD_OPTION, FLEET_CLI_NO_PASSWORD, and what `askHidden` throws. Takes
 * the variable out of the environment, so that no process that is started later inherits it.
 */
export async function passwordFrom(
  options: PasswordOptions,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Secret | undefined> {
  const given = [
    options.askPassword === true ? '--ask-password' : [],
    options.passwordEnv === undefined ? [] : '--password-env',
    options.passwordFd === undefined ? [] : '--password-fd',
  ].flat()
  if (given.length > 1) throw badOption(`expected one of ${given.join(' and ')}, got ${given.length}`)
  if (options.passwordEnv !== undefined) return fromEnvironment(options.passwordEnv, environment)
  if (options.passwordFd !== undefined) return fromDescriptor(options.passwordFd)
  return options.askPassword === true ? fromTerminal() : undefined
}

async function fromTerminal(): Promise<Secret> {
  const password = await askHidden('Password for all nodes')
  return usable(password.reveal(), 'on the terminal', 'type it and press Enter, or leave --ask-password out')
}

function fromEnvironment(name: string, environment: NodeJS.ProcessEnv): Secret {
  // What is no name is not repeated: it may be the password.
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw badOption('expected --password-env to be the name of a variable (letters, digits and _), got something else')
  const value = environment[name]
  Reflect.deleteProperty(environment, name)
  return usable(value ?? '', `in the environment variable ${name}`, `export ${name} first, or use --ask-password`)
}

async function fromDescriptor(text: string): Promise<Secret> {
  if (!/^(?:0|[1-9][0-9]{0,5})$/.test(text))
    throw badOption('expected --password-fd to be the number of an open descriptor, got something else')
  const remedy = `open it for fleet: fleet ... --password-fd ${text} ${text}<FILE`
  return usable(await readFirstLine(Number(text), remedy), `in the first line of descriptor ${text}`, remedy)
}

function usable(password: string, where: string, remedy: string): Secret {
  if (password === '')
    throw new FleetError('FLEET_CLI_NO_PASSWORD', `expected a password ${where}, found none`, { remedy })
  return new Secret(password)
}

function badOption(message: string): FleetError {
  return new FleetError('FLEET_CLI_BAD_OPTION', message, {
    remedy: 'use one of --ask-password, --password-env NAME and --password-fd N',
  })
}
