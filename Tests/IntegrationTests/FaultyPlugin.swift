import CMillraceABI

/// A plugin as a careless C programmer writes it: each message is published in the way its first octet says, and acked
/// if the host refuses that with status 2.
enum FaultyPlugin {
    /// The octets of the messages, one for each mistake.
    static let mistakes = "hkbzsl"

    // nonisolated(unsafe): laid out once, before anybody reads it.
    nonisolated(unsafe) static let descriptor: UnsafePointer<millrace_plugin_descriptor> = {
        let handler = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
        handler.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: Self.name("tests.faulty"),
                flags: 0,
                context: nil,
                make: { _, host, _, _, instance, _ in
                    instance?.pointee = UnsafeMutableRawPointer(mutating: host)
                    return 0
                },
                begin: { instance, message, token in
                    guard let host = instance?.assumingMemoryBound(to: millrace_host.self), let message else { return }
                    var outcome = millrace_outcome()
                    outcome.size = MemoryLayout<millrace_outcome>.size
                    var publication = FaultyPlugin.publication(message.pointee.body.data[0])
                    if message.pointee.body.data[0] == UInt8(ascii: "l") {  // too late
                        host.pointee.complete(token, &outcome)
                        _ = host.pointee.publish(token, &publication)
                        return
                    }
                    let status = host.pointee.publish(token, &publication)
                    outcome.kind = status == 2 ? MILLRACE_ACK.rawValue : MILLRACE_REJECT.rawValue
                    // A reason that is NULL with a length, too.
                    outcome.reason = millrace_bytes(data: nil, length: 9)
                    host.pointee.complete(token, &outcome)
                },
                cancel: nil,
                drop: { _ in },
                begin_batch: nil
            )
        )
        let handlers = UnsafeMutablePointer<UnsafePointer<millrace_handler>?>.allocate(capacity: 1)
        handlers.initialize(to: UnsafePointer(handler))
        let plugin = UnsafeMutablePointer<millrace_plugin_descriptor>.allocate(capacity: 1)
        plugin.initialize(
            to: millrace_plugin_descriptor(
                size: MemoryLayout<millrace_plugin_descriptor>.size,
                abi_version: UInt32(MILLRACE_ABI_VERSION),
                name: Self.name("faulty"),
                built_with: nil,
                handler_count: 1,
                handlers: UnsafePointer(handlers)
            )
        )
        return UnsafePointer(plugin)
    }()

    private static func publication(_ mistake: UInt8) -> millrace_publication {
        let null = millrace_bytes(data: nil, length: 5)
        var publication = millrace_publication()
        publication.size = MemoryLayout<millrace_publication>.size
        switch mistake {
        case UInt8(ascii: "h"): publication.header_count = 3
        case UInt8(ascii: "k"): publication.routing_key = null
        case UInt8(ascii: "b"): publication.body = null
        case UInt8(ascii: "z"): publication.size = 8
        case UInt8(ascii: "l"): break
        default: publication.type = null
        }
        return publication
    }

    private static func name(_ text: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
