import AMQPCore

/// Text from a file, as a message may show it: in quotes, on one line, not too long, and without what looks like a secret.
///
/// Values go through `DiagnosticLog.quoted(_:at:)`, which knows where they come from.
package func quoted(_ text: String) -> String {
    let limit = 60
    let start = String(String.UnicodeScalarView(text.unicodeScalars.prefix(4 * limit)))
    return "'\(PlainText.line(SecretMask.masking(start), limit: limit))'"
}
