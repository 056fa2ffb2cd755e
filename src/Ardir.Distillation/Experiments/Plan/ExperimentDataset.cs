namespace Ardir.Distillation;

/// <summary>The data sets that <see cref="ExperimentImages.Load"/> can read.</summary>
public enum ExperimentDataset
{
    /// <summary>CIFAR-10: the binary files, all or some of the training batches.</summary>
    Cifar10,

    /// <summary>SVHN: <c>train_32x32.mat</c> and <c>test_32x32.mat</c>.</summary>
    Svhn,

    /// <summary>Fashion-MNIST: the four idx files.</summary>
    Fashion,
}
