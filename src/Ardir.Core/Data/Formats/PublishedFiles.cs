namespace Ardir.Core;

/// <summary>MD5 checksums of published data files.</summary>
internal static class PublishedFiles
{
    private static readonly Dictionary<string, string> _names = new(StringComparer.Ordinal)
    {
        ["5dd7e06a14cb22eb9f671a540d1b7c25"] = "CIFAR-10 data_batch_1.bin",
        ["5ea93a67294ea407fff1d09f752e9692"] = "CIFAR-10 data_batch_2.bin",
        ["942cd6a4bcdd0dd3c604fbe906cb4421"] = "CIFAR-10 data_batch_3.bin",
        ["ae636b3ba5c66a11e91e8cb52e771fcb"] = "CIFAR-10 data_batch_4.bin",
        ["53f37980c15c3d472c316c40844f3f0d"] = "CIFAR-10 data_batch_5.bin",
        ["803d5f7f4d78ea53de84dbe85f74fb6d"] = "CIFAR-10 test_batch.bin",
        ["6172c7755cfe09b2fe270c85cebc1b15"] = "CIFAR-100 train.bin",
        ["4499cfba6c016c1be1438163640a0898"] = "CIFAR-100 test.bin",
        ["f68b3c2dcbeaaa9fbdd348bbdeb94873"] = "MNIST train-images-idx3-ubyte.gz",
        ["d53e105ee54ea40749a09fcbcd1e9432"] = "MNIST train-labels-idx1-ubyte.gz",
        ["9fb629c4189551a2d022fa330f9573f3"] = "MNIST t10k-images-idx3-ubyte.gz",
        ["ec29112dd5afa0611ce80d1b7f02629c"] = "MNIST t10k-labels-idx1-ubyte.gz",
        ["8d4fb7e6c68d591d4c3dfef9ec88bf0d"] = "Fashion-MNIST train-images-idx3-ubyte.gz",
        ["25c81989df183df01b3e8a0aad5dffbe"] = "Fashion-MNIST train-labels-idx1-ubyte.gz",
        ["bef4ecab320f06d8554ea6380940ec79"] = "Fashion-MNIST t10k-images-idx3-ubyte.gz",
        ["bb300cfdad3c16e7a12a480ee83cd310"] = "Fashion-MNIST t10k-labels-idx1-ubyte.gz",
        ["e26dedcc434d2e4c54c9b2d4a06d8373"] = "SVHN train_32x32.mat",
        ["eb5a983be6a315427106f1b164d9cef3"] = "SVHN test_32x32.mat",
        ["a93ce644f1a588dc4d68dda5feec44a7"] = "SVHN extra_32x32.mat",
    };

    public static string? Find(string md5) => _names.GetValueOrDefault(md5);
}
