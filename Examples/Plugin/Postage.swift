/// What a shipment costs, in cents.
package struct Postage: Encodable, Equatable, Sendable {
    package let shipment: String
    package let carrier: Shipment.Carrier
    package let parcels: Int
    package let grams: Int
    package let cents: Int

    /// Why a carrier does not take a shipment.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private static let mostParcels = 1000

    /// Adds a shipment up: a price for each parcel, and one for each kilogram begun.
    package init(for shipment: Shipment) throws(Refusal) {
        let mostGrams = shipment.carrier == .post ? 31_500 : 70_000
        let (parcelCents, kilogramCents) = shipment.carrier == .post ? (490, 50) : (1190, 80)
        var (parcels, grams, cents) = (0, 0, 0)
        for (index, parcel) in shipment.parcels.enumerated() {
            guard (1...mostGrams).contains(parcel.grams) else {
                throw Refusal(description: "parcels[\(index)].grams: \(parcel.grams) is not 1...\(mostGrams)")
            }
            let count = Int(parcel.count ?? 1)
            guard count > 0 else { throw Refusal(description: "parcels[\(index)].count: is 0") }
            parcels += count
            guard parcels <= Self.mostParcels else {
                throw Refusal(description: "parcels: more than \(Self.mostParcels)")
            }
            grams += count * parcel.grams
            cents += count * (parcelCents + (parcel.grams + 999) / 1000 * kilogramCents)
        }
        guard parcels > 0 else { throw Refusal(description: "parcels: there are none") }
        self.shipment = shipment.id
        self.carrier = shipment.carrier
        self.parcels = parcels
        self.grams = grams
        self.cents = cents
    }
}
