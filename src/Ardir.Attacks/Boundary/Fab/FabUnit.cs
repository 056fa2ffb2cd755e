namespace Ardir.Attacks;

/// <summary>Which unit of FAB runs.</summary>
/// <param name="Purpose">Names the random stream.</param>
/// <param name="Number">The unit, from 0.</param>
/// <param name="Restart">0 starts at the images, others at random.</param>
internal readonly record struct FabUnit(string Purpose, int Number, int Restart);
