global using IModule = TorchSharp.torch.nn.IModule<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;
