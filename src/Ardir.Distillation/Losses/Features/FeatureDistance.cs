namespace Ardir.Distillation;

/// <summary>Distances between feature maps, for your own losses. The results belong to the current dispose scope.</summary>
public static class FeatureDistance
{
    // Laidlaw et al. add 1e-10 outside the root, where the gradient at zero is infinite; inside the root it is at most 1/sqrt(1e-10).
    private const double ChannelEpsilon2 = 1e-10;
    private const double SumFloorPerPosition = 1e-6;

    /// <summary>Squared distance of two maps for each sample: the mean over positions of the sum over channels.</summary>
    /// <param name="student">[N,C,...] or [N,C], floating point; gradients flow into it.</param>
    /// <param name="teacher">The same shape; a constant.</param>
    /// <param name="normalization">How both maps are normalised first.</param>
    /// <param name="blockZeroPositions">With <see cref="FeatureNormalization.UnitChannel"/>: positions whose channels are all zero count as
    /// constant zero; see <see cref="LpipsInternalLossOptions.BlockZeroPositions"/>. false by default.</param>
    /// <returns>[N], not negative, in float32 or, for float64 maps, in float64.</returns>
    public static Tensor Squared(
        Tensor student, Tensor teacher, FeatureNormalization normalization, bool blockZeroPositions = false)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        var s = Normalized(Flat(student), normalization, blockZeroPositions);
        Tensor t;
        using (no_grad()) t = Normalized(Flat(teacher.detach()), normalization, blockZeroPositions).to(s.dtype);
        return (s - t).square().sum(new long[] { 1, 2 }) / (double)s.shape[2];
    }

    /// <summary>Square root whose gradient stays finite at zero, so that equal maps get a zero gradient instead of NaN.</summary>
    /// <param name="squared">Squared distances, any shape.</param>
    /// <returns>sqrt(squared + 1e-12).</returns>
    public static Tensor Root(Tensor squared) => (squared + 1e-12).sqrt();

    private static Tensor Normalized(Tensor map, FeatureNormalization normalization, bool blockZeroPositions)
    {
        var positions = map.shape[2];
        switch (normalization)
        {
            case FeatureNormalization.SpatialSum:
                var sum = map.sum(2, keepdim: true);
                var floor = SumFloorPerPosition * positions;
                var sign = where(sum < 0, -ones_like(sum), ones_like(sum));
                return map / (sign * sum.abs().clamp_min(floor));
            case FeatureNormalization.SpatialL1:
                return map / map.abs().sum(2, keepdim: true).clamp_min(SumFloorPerPosition * positions);
            case FeatureNormalization.SpatialL2:
                return map * (map.square().sum(2, keepdim: true) + ChannelEpsilon2).rsqrt();
            default:
                var energy = map.square().sum(1, keepdim: true);
                var unit = map * (energy + ChannelEpsilon2).rsqrt();
                return blockZeroPositions ? unit * (energy.detach() >= ChannelEpsilon2).to(map.dtype) : unit;
        }
    }

    /// <summary>[N,C,H,W] to [N,C,H*W] (and [N,C] to [N,C,1]), at least float32.</summary>
    private static Tensor Flat(Tensor map)
    {
        var flat = map.dim() == 2 ? map.unsqueeze(2) : map.flatten(2);
        return LossPrecision.AtLeastSingle(flat);
    }
}
