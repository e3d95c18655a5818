/// A shipment as a warehouse asks for it.
package struct Shipment: Decodable, Equatable, Sendable {
    /// What an unknown name does not decode as.
    package enum Carrier: String, Codable, Sendable { case post, courier }

    package struct Parcel: Decodable, Equatable, Sendable {
        package let grams: Int
        /// How many of the same there are; 1 if the message does not say.
        package let count: UInt8?
    }

    package let id: String
    package let carrier: Carrier
    package let parcels: [Parcel]
}
