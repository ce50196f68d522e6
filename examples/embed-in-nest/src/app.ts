import 'reflect-metadata'
import type { IncomingMessage, Server } from 'node:http'
import { Body, Controller, Get, Inject, Module, Post, Req, Res, UnauthorizedException } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createImServer } from '@parlance/im-server'
import type { Response } from 'express'
import { Logins } from './logins.ts'

@Controller()
class Shop {
  constructor(@Inject(Logins) private readonly logins: Logins) {}

  @Get() home(): string {
    return '<h1>The shop</h1>'
  }

  @Post('login') logIn(@Body() { name }: { name: string }, @Res({ passthrough: true }) response: Response) {
    response.setHeader('set-cookie', this.logins.begin(name))
    return { name }
  }

  @Get('me') me(@Req() request: IncomingMessage) {
    const name = this.logins.nameOf(request)
    if (name === undefined) throw new UnauthorizedException()
    return { name }
  }
}

@Module({ controllers: [Shop], providers: [Logins] })
class ShopModule {}

/** An application with a login of its own, and chat below /chat on the same port. */
export async function start({ dataDir, port }: { dataDir: string; port: number }) {
  const app = await NestFactory.create(ShopModule, { logger: ['error', 'warn'] })
  // embed:start
  const authenticate = (request: IncomingMessage) => app.get(Logins).nameOf(request)
  const im = await createImServer({ dataDir, authenticate, logLevel: 'warn' })
  im.attach(app.getHttpServer() as Server, { path: '/chat' })
  // embed:end
  await app.listen(port, '127.0.0.1')
  const stop = async (): Promise<void> => {
    await im.stop()
    await app.close()
  }
  return { url: await app.getUrl(), stop }
}
