namespace Ardir.Core;

/// <summary>Mean and standard deviation per channel, in [0,1] pixel units, with the values that published checkpoints were trained
/// with.</summary>
/// <example><code>Module ready = ChannelStatistics.Cifar10.Wrap(net);</code></example>
public sealed record ChannelStatistics
{
    /// <summary>One value per channel.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>One positive value per channel.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>CIFAR-10 over all pixels of the training set (Rice et al., AWP, AKD2, DeepMind, most of RobustBench).</summary>
    public static ChannelStatistics Cifar10 { get; } = new() { Mean = [0.4914, 0.4822, 0.4465], Std = [0.2471, 0.2435, 0.2616] };

    /// <summary>CIFAR-10 with the average of each image's own standard deviation (kuangliu, Engstrom et al.).</summary>
    public static ChannelStatistics Cifar10PerImage { get; } =
        new() { Mean = [0.4914, 0.4822, 0.4465], Std = [0.2023, 0.1994, 0.2010] };

    /// <summary>CIFAR-100.</summary>
    public static ChannelStatistics Cifar100 { get; } = new() { Mean = [0.5071, 0.4865, 0.4409], Std = [0.2673, 0.2564, 0.2762] };

    /// <summary>2x - 1 for three channels: SVHN in Rice et al. and AWP, and all of Hendrycks et al.</summary>
    public static ChannelStatistics Centred { get; } = new() { Mean = [0.5, 0.5, 0.5], Std = [0.5, 0.5, 0.5] };

    /// <summary>Puts the normalisation in front of a network.</summary>
    /// <param name="network">Takes normalised [N,C,H,W]; becomes a child and is disposed with the result.</param>
    /// <returns>A module that takes pixels in [0,1].</returns>
    /// <exception cref="ArgumentException">The lists differ in length or are empty, or a value is not finite or a std not
    /// positive.</exception>
    public Normalize Wrap(nn.Module<Tensor, Tensor> network) => new(Mean, Std, network);

    /// <summary>Whether every mean is finite and every deviation positive and finite.</summary>
    internal static bool AreSound(IReadOnlyList<double> means, IReadOnlyList<double> deviations) =>
        means.All(double.IsFinite) && deviations.All(value => double.IsFinite(value) && value > 0);

    internal void Validate(int channels, string name)
    {
        if (Mean is null || Std is null || Mean.Count != channels || Std.Count != channels)
        {
            throw new ArgumentException(
                $"{name} has {Mean?.Count ?? 0} means and {Std?.Count ?? 0} standard deviations for {channels} channels; expected one of " +
                "each per channel, or null for none.", name);
        }
        if (!AreSound(Mean, Std))
        {
            throw new ArgumentException(
                $"{name} has a mean that is not finite or a standard deviation that is not a positive number.", name);
        }
    }
}
