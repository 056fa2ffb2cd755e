namespace Ardir.Distillation;

/// <summary>Makes the networks of an experiment.</summary>
/// <param name="Name">What the network is, with everything that distinguishes it from others: it is part of every run's identity.</param>
/// <param name="Create">Makes a network, pixels in [0,1] to logits, from a seed. Equal seeds must give equal weights.</param>
public sealed record ExperimentNetworkFactory(string Name, Func<ulong, nn.Module<Tensor, Tensor>> Create);
