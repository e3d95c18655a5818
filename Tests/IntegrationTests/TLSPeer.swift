import NIOCore
import NIOPosix
import NIOSSL

/// A server that speaks TLS and then refuses whatever protocol follows it: whoever hears that has got through TLS.
final class TLSPeer {
    /// Says, as a broker of another version does, what it would speak.
    private final class Refusal: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let answer = ByteBuffer(bytes: Array("AMQP".utf8) + [0, 9, 9, 9])
            context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
            context.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    let port: Int
    private let channel: any Channel

    /// - Parameters:
    ///   - certificate: A PEM file with the chain.
    ///   - key: Its key.
    ///   - clientCA: Whose certificates clients have to show; nil asks for none.
    ///   - version: The only one that it speaks.
    /// - Throws: If the files are of no use.
    init(certificate: String, key: String, clientCA: String? = nil, version: TLSVersion = .tlsv13) throws {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        )
        configuration.minimumTLSVersion = version
        configuration.maximumTLSVersion = version
        if let clientCA {
            configuration.trustRoots = .file(clientCA)
            configuration.certificateVerification = .noHostnameVerification
        }
        let context = try NIOSSLContext(configuration: configuration)
        self.channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(NIOSSLServerHandler(context: context), Refusal())
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        self.port = self.channel.localAddress?.port ?? 0
    }

    deinit { self.channel.close(promise: nil) }
}
