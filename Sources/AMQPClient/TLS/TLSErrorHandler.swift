import AMQPCore
import NIOCore
import NIOSSL

/// Stands behind the TLS handler and turns its errors into ours, before the end of the stream can hide them.
final class TLSErrorHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let client: TLSClient
    private let handler: NIOSSLClientHandler
    /// A peer that refuses us in TLS 1.3 does so after our handshake has ended, hence not the handshake but this.
    private var hasRead = false

    init(_ client: TLSClient, _ handler: NIOSSLClientHandler) {
        self.client = client
        self.handler = handler
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Before the first octet is answered: the client has sent nothing but the protocol header yet.
        if !self.hasRead, let error = self.wrongHost { return context.fireErrorCaught(error) }
        self.hasRead = true
        context.fireChannelRead(data)
    }

    /// Nil if the server's certificate is for the name that was asked for.
    private var wrongHost: AMQPError? {
        guard let name = self.client.serverName, self.client.options.verification == .full,
            let certificate = self.handler.peerCertificate,
            !HostNames.match(name, HostNames.dnsNames(certificate) ?? [])
        else { return nil }
        return TLSFailure(client: self.client, certificate: certificate).wrongHost
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown where self.hasRead: break  // the end of the stream says more (C6)
        case NIOSSLError.uncleanShutdown,
            is IOError where !self.hasRead:
            context.fireErrorCaught(self.failure.closed("in the TLS handshake, or right after it"))
        case is IOError: context.fireErrorCaught(error)
        default:
            context.fireErrorCaught(self.hasRead ? error : self.failure.error(error))
        }
    }

    private var failure: TLSFailure { TLSFailure(client: self.client, certificate: self.handler.peerCertificate) }
}
