/// What became of one publish on a confirm channel.
package enum ConfirmVerdict: Equatable, Sendable {
    case confirmed
    case refused  // basic.nack
    case returned  // mandatory, and no queue took it
    case unknown  // the channel ended first (C45)
}
