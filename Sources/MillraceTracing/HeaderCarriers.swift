import MillraceHandler
import Tracing

/// Reads what a tracer looks for out of a message's headers.
struct MessageHeaderExtractor: Extractor {
    /// Nil for what is not there, and for what is no text.
    ///
    /// Some publishers send text as octets.
    func extract(key: String, from headers: MessageHeaders) -> String? {
        switch headers[key] {
        case .string(let text): text
        case .bytes(let octets): String(validating: octets, as: UTF8.self)
        default: nil
        }
    }
}

/// Collects what a tracer writes, as headers for publications.
struct PublicationHeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into headers: inout [String: HeaderValue]) {
        headers[key] = .string(value)
    }
}
