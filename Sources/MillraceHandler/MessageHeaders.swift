/// The headers of a delivery, for who can not hold on to a ``Message``, which is no copyable type.
///
/// Valid until the delivery is completed.
package struct MessageHeaders: Sendable {
    let reader: TokenReader

    /// A header; nil if it is not there.
    package subscript(key: String) -> HeaderValue? { self.reader.header(key) }
}
