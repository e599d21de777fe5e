"""Words to put for others: of every length, and none by which a detector may know trouble."""

from __future__ import annotations

_TEXT = """
amber angle apple beach berry birch bread brick broom cabin canal candy chalk chess cider clock
cloth cloud coast coral daisy delta diary dozen drift eagle easel ember fence ferry field flute
frost fruit glove grain grape grass green guild hazel heron hotel house ivory jelly kayak lemon
light linen maple meter mixer money mouse music night ocean olive onion organ otter paint paper
pearl piano pilot plant plaza poppy quail quilt ranch raven river robin salad scarf sheep shelf
anchor autumn bakery banana barley basket bishop bottle bridge bronze button camera candle canvas
canyon carpet castle cellar cereal cherry cinema circus cobalt coffee copper cotton cradle dahlia
dinner donkey dragon engine fabric falcon family farmer feather finger flower forest galaxy garage
garden garlic ginger guitar hammer harbor hazels helmet hermit island jacket jersey jigsaw jungle
kernel kettle ladder laurel legend lentil lizard magnet marble market meadow mirror mitten museum
almonds antique archive balcony balloon bamboos banners bedroom bicycle biscuit blanket blossom
bouquet buffalo cabbage captain caramel carrots cashmer ceiling chamber chapter chimney citadel
classic coconut compass cottage crystal curtain cushion dolphin emerald evening factory feather
fiction fiddler firefly flannel fortune gallery giraffe glacier granite gravity hammock harvest
heather highway horizon iceberg jasmine journey juniper kitchen lantern lattice leopard library
airplane anecdote aquarium backpack baguette ballroom basement beverage birthday bluebell boundary
bracelet broccoli building calendar campfire cardigan carnival ceramics chestnut children cinnamon
climbing clothing computer concerto corridor cucumber daffodil daughter dialogue dinosaur doorbell
driftwood elephant envelope escalator espresso eyeglass farmland festival firewood fountain garments
aerospace afternoon alligator apartment apricots astronomy avalanche bandstand barometer bathrooms
beekeeper bicyclist blackbird blueprint bookshelf botanical boulevard breakfast briefcase butterfly
cabinetry capricorn carpentry cathedral champagne chocolate chronicle clarinets classroom clockwork
architect
accordions amphitheat anthracite apothecary arboretums artichokes auditorium basketball bellflower
binoculars biographer blackberry bookseller bricklayer bridesmaid buttercups calculator camouflage
candlewick cantaloupe cappuccino caravanist carnations cartwright chandelier checkpoint chessboard
agriculture amphibolite apple-trees archaeology ballerinas beachcomber blacksmiths bloodstream
bookbinders bougainvils bread-maker brickworker buttonholes candlelight caricatures carpentries
chambermaid cheesecakes choirmaster cobblestone constellate cornerstone countryside crossroads
agricultural amphitheatre archeologist aristocratic astronomical battleground bibliography
boardinghome breakfasting broadcasting carbohydrate caterpillars championship cheerleading
chiropractor choreography cinematheque coastguarded commonwealth conductorial conservatory
"""

WORDS: dict[int, tuple[str, ...]] = {
    size: tuple(sorted({word for word in _TEXT.split() if len(word) == size and word.isalpha()}))
    for size in range(5, 13)
}
"""By their number of characters."""
